"""A short window reads little, and finds what a reading of the whole month would find."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ids import new_id
from shared.ledger.model import Dimensions, Entry
from shared.ledger.ranges import ranges_of
from shared.ledger.service import LedgerService
from shared.ledger.store import LedgerStore
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import at_once

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTES = 30 * 24 * 60
KINDS = ("led_", "led_late_", "adj_", "ptu_", "led_req_old-", "led_zz")


def entry(number: int, minute: int, kind: str, seconds_apart: int) -> Entry:
    at = START + timedelta(minutes=minute)
    made = new_id("req", at + timedelta(seconds=seconds_apart))
    return Entry(f"{kind}{made}{number}", at, at, Dimensions("a"), {"requests": 1}, None, 1)


ENTRIES = st.lists(
    st.tuples(st.integers(0, MINUTES - 1), st.sampled_from(KINDS), st.integers(-3600, 3600)), max_size=25
)


@settings(max_examples=40, deadline=None)
@given(ENTRIES, st.integers(0, MINUTES), st.integers(1, 3000))
def test_a_window_holds_what_a_full_reading_finds(made: list[tuple[int, str, int]], first: int, length: int) -> None:
    async def check() -> None:
        documents = MemoryDocuments()
        entries = [entry(number, *each) for number, each in enumerate(made)]
        ledger = LedgerService(documents, FakeClock(START), time_zone="UTC", sleep=at_once)
        await ledger.post(entries)
        window = Window("", START + timedelta(minutes=first), START + timedelta(minutes=first + length))
        found = [each.id async for each in LedgerStore(documents).entries(window)]
        assert sorted(found) == sorted(each.id for each in entries if window.holds(each.at))

    asyncio.run(check())


def test_the_calls_of_a_short_window_are_read_without_those_of_other_days() -> None:
    ranges = ranges_of(Window("", START + timedelta(days=9), START + timedelta(days=9, minutes=1)))
    other_day, same = entry(1, 8 * 1440, "led_", 0).id, entry(2, 9 * 1440, "led_", 0).id

    assert not any(low <= other_day < high for low, high in ranges)
    assert sum(low <= same < high for low, high in ranges) == 1
