import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalog.model import Charge, Unpriced
from shared.catalog.service import load_book
from shared.documents import DocumentStore, Json, StoreUnavailable
from shared.jobs import usage_ingest
from shared.jobs.usage_ingest import MOST_BYTES, Intake, entry_for, post, rating_of, saved_by_downshift
from shared.keys.use import CONTAINER, KeyUseStore
from shared.ledger.model import EntryType, Grain, View, total_of
from shared.ledger.store import LedgerStore
from shared.migrations.steps import newest_usage_event
from shared.telemetry.model import Instrument
from shared.telemetry.vocabulary import Models
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import MORNING, event, intake, last_use, message
from tests.shared.ledger.truth import YEARS, check
from tests.shared.watched_documents import Watched, port

CLOCK = FakeClock(MORNING)
V3 = ("catalog_model", "processing", "capacity", "tags", "trace", "kind")
V2 = (
    "area",
    "application",
    "user",
    "client",
    "project",
    "downshifted_from",
    "organization",
    "principal_kind",
    "shadow",
)


async def ingest(bodies: list[bytes], documents: DocumentStore, into: Intake | None = None) -> int:
    return await usage_ingest.ingest(bodies, into or intake(documents, CLOCK), last_use(documents, CLOCK))


async def test_events_are_kept_by_team_and_month() -> None:
    documents = MemoryDocuments()

    await ingest(
        [message("a"), message("b", team="other"), message("c", at=datetime(2026, 10, 31, 23, tzinfo=MORNING.tzinfo))],
        documents,
    )

    ledger = LedgerStore(documents)
    places = [("search", "2026-11"), ("other", "2026-11"), ("search", "2026-10")]
    assert [[each["id"] async for each in ledger.events(*place)] for place in places] == [["a"], ["b"], ["c"]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=6))
async def test_however_often_and_in_whatever_order_messages_come_each_event_counts_once(
    deliveries: list[list[str]],
) -> None:
    documents = MemoryDocuments()

    new = sum([await ingest([message(id) for id in batch], documents) for batch in deliveries])

    known = {id for batch in deliveries for id in batch}
    assert new == len(known)
    await check(documents, [event(id) for id in known])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"id":"a"}',
        b'{"schema":9}',
        b"\xff",
        b"[" * 5_000,
        message("b", status="200"),
        message("b", tokens={"input_fresh": -5}),
    ],
)
async def test_what_is_no_event_is_set_aside_alone(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    documents = MemoryDocuments()
    into = intake(documents, CLOCK)

    with caplog.at_level(logging.ERROR):
        assert await ingest([message("a"), body, message("c")], documents, into) == 2
        assert await ingest([message("a"), body, message("c")], documents, into) == 0

    ((rejected,), _) = await into.rejected.page()
    assert rejected.body == body
    await check(documents, [event("a"), event("c")])
    assert "set aside" in caplog.text


async def test_a_message_that_is_too_large_for_a_batch_is_set_aside() -> None:
    documents = MemoryDocuments()
    into = intake(documents, CLOCK)

    assert await ingest([message("a", note="x" * MOST_BYTES)], documents, into) == 0
    ((rejected,), _) = await into.rejected.page()
    assert rejected.is_whole


@pytest.mark.parametrize(("schema", "unknown"), [(1, V3 + V2), (2, V3)])
async def test_an_event_of_an_earlier_version_is_stored_at_the_newest_schema(
    schema: int, unknown: tuple[str, ...]
) -> None:
    documents = MemoryDocuments()
    old = {name: value for name, value in event("a", schema=schema).items() if name not in unknown}

    assert await ingest([orjson.dumps(old)], documents) == 1
    (stored,) = [each async for each in LedgerStore(documents).events("search", "2026-11")]
    assert stored == newest_usage_event(old)
    assert stored["schema"] == 3


async def test_events_that_are_stored_already_get_their_entries() -> None:
    documents = MemoryDocuments()
    await documents.create("ledger", "search|2026-11", event("a"))

    assert await post([event("a"), event("a")], intake(documents, CLOCK)) == 1
    await check(documents, [event("a")])


async def test_use_of_a_locked_period_is_entered_as_an_adjustment() -> None:
    class Locked:
        async def is_locked(self, at: datetime) -> bool:
            return at == MORNING

    documents = MemoryDocuments()
    await ingest([message("a")], documents, replace(intake(documents, CLOCK), periods=Locked()))

    (entry,) = [each async for each in LedgerStore(documents).entries(YEARS)]
    assert (entry.dimensions.type, entry.reason) == (EntryType.ADJUSTMENT, "late")


def test_an_event_is_priced_by_what_was_served() -> None:
    book = load_book()

    charge = rating_of(event(), book)
    assert isinstance(charge, Charge)
    assert charge.cost == 100 * 2_500 + 20 * 1_250 + 30 * 10_000
    assert isinstance(
        rating_of(event(served_model=None, catalog_model="nobody-knows", requested_model=None), book), Unpriced
    )


@pytest.mark.parametrize(
    ("named", "tier"), [(None, "default"), ("auto", "default"), ("fast", "priority"), ("golden", "golden")]
)
def test_the_tier_is_called_as_the_price_book_calls_it(named: str | None, tier: str) -> None:
    made = event(service_tier=named)

    assert entry_for(made, Charge(0, "p"), MORNING, is_locked=False).dimensions.tier == tier


async def test_the_last_use_of_each_key_is_noted() -> None:
    documents = MemoryDocuments()

    await ingest(
        [message("a", key="vk_a", at=MORNING.replace(hour=4)), message("b", key="vk_a"), message("c", key="vk_b")],
        documents,
    )

    assert [await KeyUseStore(documents).last_used(key) for key in ("vk_a", "vk_b")] == [MORNING, MORNING]


@pytest.mark.parametrize("changes", [{"key": None}, {"key": ""}, {"principal_kind": "entra"}])
async def test_an_event_that_names_no_key_is_stored_all_the_same(changes: dict[str, str | None]) -> None:
    documents = MemoryDocuments()

    assert await ingest([message("a", **changes)], documents) == 1
    assert (await documents.changes(CONTAINER)).documents == ()


async def test_a_batch_is_stored_even_where_the_last_use_cannot_be_noted() -> None:
    documents = MemoryDocuments()

    class Down(Watched):
        async def before(self, name: str) -> None:
            raise StoreUnavailable

    into = intake(documents, CLOCK)
    assert await usage_ingest.ingest([message("a")], into, last_use(port(Down(documents)), CLOCK)) == 1


async def test_a_store_that_is_down_fails_the_batch_and_it_can_come_again() -> None:
    documents = MemoryDocuments()
    into = intake(documents, CLOCK)
    documents.is_down = True
    with pytest.raises(StoreUnavailable):
        await ingest([message("a"), b"{"], documents, into)
    documents.is_down = False

    assert await ingest([message("a"), b"{"], documents, into) == 1
    await check(documents, [event("a")])


async def test_a_message_that_no_store_could_hold_does_not_fail_its_batch() -> None:
    documents = MemoryDocuments()
    deep = message("b")[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}"

    assert await ingest([message("a"), deep, message("c")], documents) == 2
    await check(documents, [event("a"), event("c")])


def responses(count: int) -> list[dict[str, Any]]:
    """Background responses with what is found out of them, which is not of the same dimensions."""
    return [
        each
        for n in range(count)
        for each in (
            event(f"req_{n}", usage_source="pending", tokens={}, endpoint="responses.create", object_id=f"resp_{n}"),
            event(f"late_resp_{n}", attempts=[], endpoint="responses", served_model="gpt-4o", deployment=None),
        )
    ]


@settings(max_examples=40, deadline=None)
@given(st.data())
async def test_in_whatever_order_they_come_what_is_found_out_is_no_longer_pending(data: st.DataObject) -> None:
    documents, made = MemoryDocuments(), responses(4)
    delivered = data.draw(st.lists(st.sampled_from(made), max_size=16))
    into = intake(documents, CLOCK)

    for each in delivered:
        await ingest([orjson.dumps(each)], documents, into)

    await check(documents, delivered)
    ids = {str(each["id"]) for each in delivered}
    begun, found = (sum(id.startswith(prefix) for id in ids) for prefix in ("req_", "late_"))
    for view in (View.DETAIL, View.TOTAL):
        cells = [cell async for cell in LedgerStore(documents).cells(view, Grain.MONTH, YEARS)]
        assert total_of(cells).get("pending", 0) == begun - found
        assert all(number for cell in cells for number in cell.sums.values())


async def test_what_a_downshifted_call_would_have_cost_more_is_saved() -> None:
    documents, book = MemoryDocuments(), load_book()
    into = intake(documents, CLOCK, lambda event: rating_of(event, book))
    small = {"catalog_model": "gpt-4o-mini", "served_model": "gpt-4o-mini-2024-07-18", "requested_model": "gpt-4o-mini"}

    await ingest([message("a", **small, downshifted_from="gpt-4o")], documents, into)

    (entry,) = [each async for each in LedgerStore(documents).entries(YEARS)]
    assert entry.cost == 100 * 150 + 20 * 75 + 30 * 600
    assert entry.sums["saved.downshift"] == 100 * 2_500 + 20 * 1_250 + 30 * 10_000 - entry.cost


@pytest.mark.parametrize(
    ("asked", "instead"),
    [
        (None, Charge(99, "p")),
        ("", Charge(99, "p")),
        ("dear", Unpriced("dear", ("price",))),
        ("dear", Charge(5, "p")),
        ("dear", Charge(99, "p", currency="EUR")),
    ],
)
def test_nothing_is_saved_where_nobody_could_say_what(asked: str | None, instead: Charge | Unpriced) -> None:
    made = event(downshifted_from=asked)

    assert saved_by_downshift(made, Charge(7, "p"), lambda _: instead) == 0
    assert saved_by_downshift(made, Unpriced("cheap", ("price",)), lambda _: Charge(99, "p")) == 0


async def test_work_that_goes_on_is_provided_for_after_its_event_is_posted_and_again_when_that_comes_again() -> None:
    documents, provided = MemoryDocuments(), list[str]()

    async def provide(event: Json) -> None:
        assert await LedgerStore(documents).entry("search", MORNING, f"led_{event['id']}")
        if not provided:
            provided.append("killed")
            raise StoreUnavailable
        provided.append(str(event["id"]))

    into = replace(intake(documents, CLOCK), provide=provide)
    bodies = [message("a"), message("b", usage_source="pending", tokens={}), message("c", endpoint="batches.create")]
    with pytest.raises(StoreUnavailable):
        await ingest(bodies, documents, into)

    assert await ingest(bodies, documents, into) == 0
    assert provided == ["killed", "b", "c"]


async def test_what_became_of_events_is_told_by_such_models_as_are_known() -> None:
    documents, told = MemoryDocuments(), list[tuple[str, float, dict[str, str]]]()

    def tell(instrument: Instrument, value: float = 1, **attributes: str) -> None:
        told.append((instrument.name, value, attributes))

    def unpriced(event: Json) -> Unpriced:
        return Unpriced("anything", "no price")

    priced = replace(intake(documents, CLOCK), tell=tell, models=Models(["gpt-4o"]))
    await ingest([message("a"), message("b"), b"nothing"], documents, priced)
    await ingest([message("a"), message("c")], documents, priced)
    assert told == [
        ("tollgate.ledger.events", 1, {"outcome": "rejected"}),
        ("tollgate.ledger.events", 2, {"outcome": "posted"}),
        ("tollgate.ledger.events", 1, {"outcome": "posted"}),
        ("tollgate.ledger.events", 1, {"outcome": "duplicate"}),
    ]

    told.clear()
    await ingest([message("d")], documents, replace(priced, rate=unpriced))
    await ingest([message("d")], documents, replace(priced, rate=unpriced))
    assert [name for name, *_ in told] == ["tollgate.ledger.events"] * 2 + [
        "tollgate.ledger.unpriced",
        "tollgate.ledger.events",
    ]
    assert [each["outcome"] for _, _, each in told if "outcome" in each] == ["posted", "unpriced", "duplicate"]
    assert told[2][2] == {"model": "gpt-4o"}
