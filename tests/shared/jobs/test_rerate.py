"""What had no price is priced later, beside the old entries: the ledger then says what it would have said at once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalog.model import Price, PriceConfig
from shared.catalog.service import PriceBook
from shared.documents import DocumentStore, Json, StoreUnavailable
from shared.jobs.rerate import Rerated, Rerating, UnpricedUse, rerate
from shared.jobs.usage_ingest import entry_for, rating_of
from shared.ledger.model import CONTAINER, Entry, EntryType, Grain, View, add, total_of
from shared.ledger.service import LedgerService
from shared.ledger.store import LedgerStore
from shared.money import nano
from shared.usage.model import Attribution, Outcome, Source, Timings, TokenUsage, Usage, UsageEvent
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Dying, Watched, port

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
JUNE = Window("", datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


def price(rate: str, model: str = "gpt-9", **fields: Any) -> Price:
    about = {"provider": "azure_openai", "source": "https://prices.example", "effective_from": "2026-01-01T00:00:00Z"}
    return Price.model_validate({"model": model, "input": rate, **about, **fields})


def book(*prices: Price) -> PriceBook:
    return PriceBook(prices)


NONE = book()


def call(id: str, at: datetime = NOON, team: str = "research", **fields: Any) -> Json:
    """A call of a million tokens."""
    standard: dict[str, Any] = {
        "requested_model": "fast",
        "catalog_model": "gpt-9",
        "served_model": "gpt-9-2026-05-05",
        "deployment": "d1",
        "provider": "azure_openai",
        "processing": "global",
        "usage": Usage(TokenUsage(input_fresh=1_000_000), source=Source.PROVIDER),
        "tags": {"pr": "12"},
    }
    event = UsageEvent(
        id=id,
        started_at=at,
        endpoint="chat.completions",
        attribution=Attribution(team, "vk_1"),
        status=200,
        outcome=Outcome.COMPLETED,
        timings=Timings(None, 5),
        **{**standard, **fields},
    )
    return event.to_json()


class Office:
    """A ledger in memory, in the middle of June."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOON + timedelta(days=2))
        self.documents = MemoryDocuments(self.clock)
        self.store = LedgerStore(self.documents)

    async def ingest(self, prices: PriceBook, *events: Json) -> None:
        now = self.clock.now()
        entries = [entry_for(event, rating_of(event, prices), now, is_locked=False) for event in events]
        await LedgerService(self.documents, self.clock, time_zone="UTC").post(entries, events)

    def rerating(self, prices: PriceBook, documents: DocumentStore | None = None) -> Rerating:
        store = documents or self.documents
        posting = LedgerService(store, self.clock, time_zone="UTC")
        return Rerating(LedgerStore(store), posting, store, prices, self.clock)

    async def entries(self) -> list[Entry]:
        return [entry async for entry in self.store.entries(JUNE)]

    async def sums(self, view: View = View.TOTAL, grain: Grain = Grain.DAY) -> dict[str, int]:
        sums = total_of([cell async for cell in self.store.cells(view, grain, JUNE)])
        return {name: number for name, number in sums.items() if not name.startswith(("entries", "latency"))}


async def test_what_has_no_price_is_listed_by_kind_the_most_frequent_first() -> None:
    office = Office()
    await office.ingest(NONE, call("1"), call("2", NOON - timedelta(days=1), "sales"), call("3", catalog_model="gpt-8"))
    await office.ingest(book(price("1", "gpt-7")), call("4", catalog_model="gpt-7", served_model=None))

    assert await office.rerating(NONE).unpriced(JUNE) == [
        UnpricedUse("azure_openai", "gpt-9", "global", "default", 2, datetime(2026, 6, 9, tzinfo=UTC)),
        UnpricedUse("azure_openai", "gpt-8", "global", "default", 1, datetime(2026, 6, 10, tzinfo=UTC)),
    ]


async def test_what_has_a_price_by_now_is_priced_and_no_longer_listed() -> None:
    office = Office()
    await office.ingest(NONE, call("1"), call("2", NOON + timedelta(days=1)))

    rerating = office.rerating(book(price("2")))
    assert await rerating.price_unpriced(JUNE) == Rerated(looked_at=2, adjusted=2, cost=4 * 10**9)

    assert await rerating.unpriced(JUNE) == []
    (adjustment,) = [each for each in await office.entries() if each.adjusts == "led_1"]
    assert adjustment.dimensions.type is EntryType.ADJUSTMENT
    assert (adjustment.cost, adjustment.lines) == (2 * 10**9, {"input_fresh": 2 * 10**9})
    assert (adjustment.reason, adjustment.sums, adjustment.tags) == ("priced", {"unpriced": -1}, ("pr=12",))
    assert adjustment.price == "azure_openai|gpt-9|global|default|2026-01-01"


async def test_the_sums_are_then_what_they_would_have_been_at_once() -> None:
    late, prompt = Office(), Office()
    prices = book(price("2", cached_input="1"), price("1", tier="batch"))
    usage = Usage(TokenUsage(input_fresh=5, input_cached=1_000_003), source=Source.PROVIDER)
    events = [call("1"), call("2", usage=usage), call("3", service_tier="batch")]

    await late.ingest(NONE, *events)
    await late.rerating(prices).price_unpriced(JUNE)
    await prompt.ingest(prices, *events)

    for view in View:
        assert await late.sums(view) == await prompt.sums(view)
        assert await late.sums(view, Grain.MONTH) == await prompt.sums(view, Grain.MONTH)


async def test_a_second_run_posts_nothing_and_reads_only_sums() -> None:
    office = Office()
    await office.ingest(NONE, call("1"))
    await office.rerating(book(price("2"))).price_unpriced(JUNE)
    before = await office.entries()

    assert await office.rerating(book(price("2"))).price_unpriced(JUNE) == Rerated()
    assert await office.entries() == before


async def test_what_has_no_price_yet_is_left_alone() -> None:
    office = Office()
    await office.ingest(NONE, call("1"))

    flex = office.rerating(book(price("2", tier="flex")))
    assert await flex.price_unpriced(JUNE) == Rerated(looked_at=1, unpriced=1)
    assert len(await office.entries()) == 1


async def test_a_price_that_begins_during_the_day_prices_what_was_used_from_then_on() -> None:
    office = Office()
    await office.ingest(NONE, call("1", NOON - timedelta(hours=1)), call("2"))

    done = await office.rerating(book(price("2", effective_from=NOON))).price_unpriced(JUNE)

    assert done == Rerated(looked_at=2, adjusted=1, cost=2 * 10**9, unpriced=1)


async def test_a_corrected_price_is_charged_as_a_difference_to_all_that_was_posted() -> None:
    office = Office()
    await office.ingest(NONE, call("1"))
    await office.ingest(book(price("3")), call("2"), call("3", catalog_model="other", served_model="other"))
    await office.rerating(book(price("2"))).price_unpriced(JUNE)

    for rate, total in [("5", 10), ("4", 8), ("5", 10)]:
        await office.rerating(book(price(rate))).correct(JUNE, "gpt-9*")
        again = await office.rerating(book(price(rate))).correct(JUNE, "gpt-9*")
        assert (await office.sums())["cost"] == total * 10**9
        assert (again.looked_at, again.adjusted, again.cost) == (2, 0, 0)
    assert {each.reason for each in await office.entries() if each.adjusts} == {"priced", "corrected"}


async def test_a_correction_is_for_its_model_and_its_window_alone() -> None:
    office = Office()
    await office.ingest(
        book(price("3"), price("3", "gpt-8")), call("1"), call("2", catalog_model="gpt-8", served_model=None)
    )
    await office.ingest(book(price("3")), call("3", NOON + timedelta(hours=2)))

    window = Window("", NOON, NOON + timedelta(minutes=90))
    done = await office.rerating(book(price("1"), price("1", "gpt-8"))).correct(window, "GPT-9")

    assert (done.adjusted, done.cost) == (1, -2 * 10**9)


async def test_a_charge_is_not_taken_back_because_a_price_has_gone() -> None:
    office = Office()
    await office.ingest(book(price("3")), call("1"))

    assert await office.rerating(NONE).correct(JUNE, "*") == Rerated(looked_at=1, unpriced=1)
    assert (await office.sums())["cost"] == 3 * 10**9


async def test_a_call_whose_event_has_expired_is_rated_by_its_entry() -> None:
    office = Office()
    await office.ingest(book(price("3")), call("1"))
    await office.ingest(NONE, call("2"))
    for id in ("1", "2"):
        await office.documents.delete(CONTAINER, "research|2026-06", id)

    assert (await office.rerating(book(price("2"))).correct(JUNE, "*")).cost == -(10**9) + 2 * 10**9


async def test_an_event_that_cannot_be_read_does_not_keep_the_others_from_their_prices() -> None:
    office = Office()
    await office.ingest(NONE, call("1"), call("2"))
    await office.documents.upsert(CONTAINER, "research|2026-06", {"id": "1", "kind": "event"})

    assert (await office.rerating(book(price("2"))).price_unpriced(JUNE)).adjusted == 2


async def test_an_operators_new_price_counts_as_well() -> None:
    office = Office()
    await office.ingest(NONE, call("1"))
    own = PriceBook([], [PriceConfig.model_validate({"model": "gpt-9*", "input": "7"})])

    await rerate(office.documents, LedgerService(office.documents, office.clock, time_zone="UTC"), own, office.clock)

    (adjustment,) = [each for each in await office.entries() if each.adjusts]
    assert adjustment.price is not None
    assert adjustment.price.startswith("configuration|")
    assert adjustment.cost == 7 * 10**9


async def test_a_call_is_priced_by_what_was_served_whatever_its_deployment_is_called() -> None:
    office = Office()
    await office.ingest(NONE, call("1", catalog_model="our-own-name"))

    assert (await office.rerating(book(price("2"))).price_unpriced(JUNE)).cost == 2 * 10**9
    assert await office.rerating(NONE).unpriced(JUNE) == []


async def test_one_call_without_a_price_does_not_keep_the_others_of_its_day_from_theirs() -> None:
    office = Office()
    spoken = Usage(TokenUsage(input_fresh=10, output_audio=5), source=Source.PROVIDER)
    await office.ingest(NONE, *(call(str(number)) for number in range(5)), call("a", usage=spoken))

    done = await office.rerating(book(price("2"))).price_unpriced(JUNE)

    assert done == Rerated(looked_at=6, adjusted=5, cost=10 * 10**9, unpriced=1)


async def test_what_still_has_no_price_is_looked_at_again_when_there_are_other_prices_or_other_calls() -> None:
    office = Office()
    await office.ingest(NONE, call("1"))
    office.clock.advance(86_400)
    other = book(price("2", "gpt-8"))
    looks = [(await office.rerating(other).price_unpriced(JUNE)).looked_at for _ in range(2)]
    watched = Watched(office.documents)
    await office.rerating(other, port(watched)).price_unpriced(JUNE)

    await office.ingest(NONE, call("2"))
    looks += [(await office.rerating(other).price_unpriced(JUNE)).looked_at for _ in range(2)]
    looks += [(await office.rerating(NONE).price_unpriced(JUNE)).looked_at]

    assert looks == [1, 0, 2, 0, 2]
    assert set(watched.calls) == {"query", "get"}
    assert watched.calls.count("get") == 1


async def test_what_old_instances_post_of_today_is_priced_as_soon_as_it_seems_to_have_a_price() -> None:
    office = Office()
    office.clock.set(NOON + timedelta(minutes=5))
    prices = book(price("2"))
    for id in ("1", "2"):
        await office.ingest(NONE, call(id))
        assert (await office.rerating(prices).price_unpriced(JUNE)).adjusted == 1


async def test_a_month_that_nobody_has_closed_is_priced_later_still() -> None:
    office = Office()
    await office.ingest(NONE, call("1"))
    office.clock.set(datetime(2026, 10, 1, 0, 30, tzinfo=UTC))
    posting = LedgerService(office.documents, office.clock, time_zone="UTC")

    assert (await rerate(office.documents, posting, book(price("2")), office.clock)).adjusted == 1


async def test_two_price_books_at_once_charge_a_call_once() -> None:
    office = Office()
    await office.ingest(NONE, call("1"), call("2", catalog_model="gpt-8", served_model=None))
    old, new = book(price("2")), book(price("3"))
    slow = office.rerating(old)
    slow._posting = _After(slow._posting, lambda: office.rerating(new).price_unpriced(JUNE))

    done = await slow.price_unpriced(JUNE)
    await office.rerating(new).price_unpriced(JUNE)

    sums = await office.sums()
    assert (done.adjusted, sums["cost"], sums["unpriced"]) == (0, 3 * 10**9, 1)
    await office.rerating(old).correct(JUNE, "*")
    assert (await office.sums())["cost"] == 2 * 10**9


class _After:
    """Posts when somebody else has done something."""

    def __init__(self, posting: Any, act: Callable[[], Awaitable[object]]) -> None:
        self._posting, self._act = posting, act

    async def post(self, entries: Sequence[Entry]) -> int:
        await self._act()
        return int(await self._posting.post(entries))


async def test_a_call_that_was_counted_as_priced_twice_is_put_right() -> None:
    office = Office()
    await office.ingest(NONE, call("1"))
    prices = book(price("2"))
    await office.rerating(prices).price_unpriced(JUNE)
    (adjustment,) = [each for each in await office.entries() if each.adjusts]
    twice = replace(adjustment, id="adj_again")
    await LedgerService(office.documents, office.clock, time_zone="UTC").post([twice])

    assert await office.rerating(prices).unpriced(JUNE) == []
    await office.rerating(prices).price_unpriced(JUNE)

    sums = await office.sums()
    assert (sums["cost"], sums.get("unpriced", 0)) == (2 * 10**9, 0)


@pytest.mark.parametrize("carries_out", [True, False])
@pytest.mark.parametrize("at", range(1, 16))
async def test_it_may_be_killed_at_any_point(at: int, carries_out: bool) -> None:
    office = Office()
    await office.ingest(NONE, call("1"), call("2", team="sales"))
    dying = Dying(office.documents, at, carries_out=carries_out)

    try:
        await office.rerating(book(price("2")), dying).price_unpriced(JUNE)
    except StoreUnavailable:
        assert (await office.sums()).get("cost", 0) <= 4 * 10**9
    await office.rerating(book(price("2"))).price_unpriced(JUNE)

    sums = await office.sums()
    assert (sums["cost"], sums.get("unpriced", 0)) == (4 * 10**9, 0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["1", "2", "3.000000001", None]), min_size=1, max_size=5))
async def test_whatever_the_prices_were_before_the_last_one_is_charged(rates: list[str | None]) -> None:
    office = Office()
    await office.ingest(NONE, call("1"), call("2"))
    last = 0
    for rate in rates:
        prices = book(price(rate)) if rate else NONE
        await office.rerating(prices).correct(JUNE, "*")
        last = nano(Decimal(rate)) if rate else last

    entries = await office.entries()
    assert sum(each.cost or 0 for each in entries) == 2 * last
    assert add(*(each.lines for each in entries)) == ({"input_fresh": 2 * last} if last else {})
