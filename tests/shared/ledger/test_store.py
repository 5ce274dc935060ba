from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import DocumentStore
from shared.ledger.model import Dimensions, Grain, Head, View
from shared.ledger.posting import entry_of
from shared.ledger.service import LedgerService
from shared.ledger.store import LedgerStore
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import at_once, event, per_token

NOW = datetime(2026, 12, 2, tzinfo=UTC)
START = datetime(2026, 10, 30, tzinfo=UTC)
HOURS = 24 * 33
EVENTS = [event(f"req_{n:03}", START + n * timedelta(hours=3, minutes=7), f"team-{n % 3}") for n in range(250)]
MONTH = Window("", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


async def filled(documents: DocumentStore, time_zone: str = "UTC") -> LedgerStore:
    ledger = LedgerService(documents, FakeClock(NOW), time_zone=time_zone, sleep=at_once)
    await ledger.post([entry_of(each, per_token(each), NOW) for each in EVENTS], EVENTS)
    return LedgerStore(documents)


@pytest.fixture(params=["memory", "sqlite"])
async def documents(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DocumentStore]:
    store = MemoryDocuments() if request.param == "memory" else SqliteDocuments(tmp_path / "d.db", FakeClock(NOW))
    yield store
    await store.close()


def used_within(window: Window, teams: list[str] | None = None) -> list[str]:
    times = {str(each["id"]): datetime.fromisoformat(str(each["started_at"])) for each in EVENTS}
    return [
        str(each["id"]) for each in EVENTS if window.holds(times[each["id"]]) and (not teams or each["team"] in teams)
    ]


async def test_the_store_answers_alike_wherever_it_is_kept(documents: DocumentStore) -> None:
    ledger = await filled(documents)

    assert await ledger.partitions("2026-11") == ["team-0", "team-1", "team-2"]
    assert await ledger.partitions("2026-09") == []
    entries = [entry.event async for entry in ledger.entries(MONTH)]
    assert sorted(str(id) for id in entries) == used_within(MONTH)
    some = [entry.event async for entry in ledger.entries(MONTH, ["team-1"])]
    assert some == used_within(MONTH, ["team-1"])
    events = [each async for each in ledger.events("team-1", "2026-11")]
    assert [each["id"] for each in events] == some
    days = [cell async for cell in ledger.cells(View.TOTAL, Grain.DAY, MONTH, ["team-1"])]
    assert [cell.key.start for cell in days] == sorted(cell.key.start for cell in days)
    assert sum(cell.sums["requests"] for cell in days) == len(some)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, HOURS), st.integers(1, HOURS), st.sampled_from(list(Grain)), st.sampled_from(["UTC", "Asia/Kolkata"])
)
async def test_entries_and_cells_of_any_window_are_all_there(first: int, length: int, grain: Grain, zone: str) -> None:
    ledger = await cached(zone)
    window = Window("", START + timedelta(hours=first), START + timedelta(hours=first + length))

    assert sorted([str(entry.event) async for entry in ledger.entries(window)]) == used_within(window)
    cells = [cell async for cell in ledger.cells(View.DETAIL, grain, window)]
    every = [cell async for cell in ledger.cells(View.DETAIL, grain, Window("", START - timedelta(days=99), NOW))]
    assert cells == [cell for cell in every if window.holds(cell.key.start)]


_LEDGERS: dict[str, LedgerStore] = {}


async def cached(zone: str) -> LedgerStore:
    if zone not in _LEDGERS:
        _LEDGERS[zone] = await filled(MemoryDocuments(), zone)
    return _LEDGERS[zone]


async def test_raw_events_are_found_whatever_their_ids_begin_with() -> None:
    documents = MemoryDocuments()
    ids = ["0", "batch_1", "cz", "g", "hello", "late_resp_1", "lee", "pt", "req_1", "zz"]
    ledger = LedgerService(documents, FakeClock(NOW), time_zone="UTC", sleep=at_once)
    events = [event(id) for id in ids]
    await ledger.post([entry_of(each, per_token(each), NOW) for each in events], events)

    assert [each["id"] async for each in LedgerStore(documents).events("search", "2026-11")] == ids


async def test_what_is_not_there_is_at_its_beginning() -> None:
    ledger = LedgerStore(MemoryDocuments())

    assert await ledger.head("nobody", "2026-11") == Head()
    assert await ledger.volume_head("nobody", "2026-11") == Head()
    assert await ledger.volumes("nobody", "2026-11") == []
    assert await ledger.entry("nobody", NOW, "led_1") is None
    assert await ledger.heads(MONTH) == {}


async def test_heads_say_which_data_an_answer_covers() -> None:
    documents = MemoryDocuments()
    ledger = await filled(documents)

    heads = await ledger.heads(MONTH)
    assert sorted(heads) == [(f"team-{n}", "2026-11") for n in range(3)]
    assert sum(head.events for head in heads.values()) == len(used_within(MONTH))
    assert heads["team-1", "2026-11"].last_posted_at == NOW
    assert await ledger.volume_head("team-1", "2026-11") == heads["team-1", "2026-11"]


async def test_an_entry_is_read_as_it_was_posted() -> None:
    ledger = await filled(MemoryDocuments())
    posted = entry_of(EVENTS[0], per_token(EVENTS[0]), NOW)

    assert await ledger.entry("team-0", posted.at, posted.id) == posted
    assert posted.dimensions.team == Dimensions("team-0").team
