"""An hour of provisioned capacity is paid exactly once by those who used it, whatever happens while it is divided."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.alerts.model import Notice
from shared.catalog.pools import PoolConfig
from shared.documents import DocumentStore, StoreUnavailable
from shared.jobs.provisioned import MOST_HOURS, Allocated, allocate
from shared.ledger import documents as forms
from shared.ledger.model import Capacity, Dimensions, Entry, EntryType
from shared.ledger.service import LedgerService
from shared.ledger.store import LedgerStore
from shared.reconciliation.service import ReconciliationService
from shared.reconciliation.zone import ZoneStore
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Dying

HOUR = timedelta(hours=1)
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
COST = 100 * 10**9


class Open:
    async def is_locked(self, at: datetime) -> bool:
        return False


class Locked:
    async def is_locked(self, at: datetime) -> bool:
        return True


def pool(**fields: Any) -> PoolConfig:
    standard = {
        "name": "main",
        "deployments": ["ptu"],
        "units": 100,
        "per_unit_hour": "1",
        "owner": "platform",
        "tokens_per_minute_per_unit": 10,
        "output_weight": "2",
    }
    return PoolConfig.model_validate({**standard, **fields})


def used(id: str, team: str, tokens: int, at: datetime = NOON, **fields: Any) -> Entry:
    """Use of so many of the 60,000 tokens of an hour."""
    standard = {"key": "vk_1", "model": "gpt-4o", "deployment": "ptu", "provider": "azure_openai"}
    dimensions = Dimensions(team, capacity=Capacity.PROVISIONED, **{**standard, **fields})
    return Entry(f"led_{id}", at, at, dimensions, {"requests": 1, "tokens.input_fresh": tokens})


class Office:
    """A ledger in memory, at twenty past one."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOON + timedelta(minutes=80))
        self.documents = MemoryDocuments(self.clock)
        self.zone = "UTC"

    async def post(self, *entries: Entry) -> None:
        await LedgerService(self.documents, self.clock, time_zone=self.zone).post(entries)

    async def run(
        self, *pools: PoolConfig, documents: DocumentStore | None = None, periods: Any = None, notices: Any = None
    ) -> Allocated:
        store = documents or self.documents
        posting = LedgerService(store, self.clock, time_zone=self.zone)
        zone = self.zone
        return await allocate(
            store, posting, periods or Open(), pools or (pool(),), self.clock, notices, time_zone=zone
        )

    async def entries(self, start: datetime = NOON, hours: int = 1) -> list[Entry]:
        window = Window("", start, start + hours * HOUR)
        return [entry async for entry in LedgerStore(self.documents).entries(window) if entry.id.startswith("ptu_")]

    async def costs(self, start: datetime = NOON, hours: int = 1) -> dict[str, int]:
        """Whole units of the currency by team."""
        costs: Counter[str] = Counter()
        for entry in await self.entries(start, hours):
            costs[entry.dimensions.team] += entry.cost or 0
        return {team: nanos // 10**9 for team, nanos in costs.items() if nanos}


async def test_an_hour_is_paid_by_use_and_what_is_left_by_the_owner() -> None:
    office = Office()
    await office.post(used("1", "research", 6_000), used("2", "sales", 12_000), used("3", "research", 6_000))

    assert await office.run() == Allocated(hours=1, entries=3)

    assert await office.costs() == {"research": 20, "sales": 20, "platform": 60}
    by_team = {entry.dimensions.team: entry for entry in await office.entries()}
    assert by_team["research"].dimensions == replace(used("", "research", 0).dimensions, type=EntryType.ALLOCATION)
    assert (by_team["platform"].reason, by_team["platform"].dimensions.application) == ("idle", None)
    assert by_team["sales"].lines == {"provisioned": 20 * 10**9}
    assert by_team["platform"].lines == {"idle": 60 * 10**9}


async def test_each_user_of_a_team_has_a_line_of_his_own() -> None:
    office = Office()
    await office.post(
        used("1", "research", 6_000, user="ann"), used("2", "research", 6_000, user="ben", tier="default")
    )

    await office.run()

    lines = {entry.dimensions.user: entry.cost for entry in await office.entries() if entry.dimensions.user}
    assert lines == {"ann": 10 * 10**9, "ben": 10 * 10**9}


async def test_only_what_the_pool_served_counts() -> None:
    office = Office()
    spilled = used("1", "research", 6_000)
    spilled = replace(spilled, dimensions=replace(spilled.dimensions, capacity=Capacity.SPILLOVER))
    await office.post(spilled, used("2", "sales", 6_000, deployment="other"), used("3", "sales", 6_000, NOON + HOUR))

    await office.run()

    assert await office.costs() == {"platform": 100}


async def test_a_second_run_posts_nothing() -> None:
    office = Office()
    await office.post(used("1", "research", 7_001))
    await office.run()
    before = await office.entries()

    assert (await office.run()).entries == 0

    assert await office.entries() == before


async def test_hours_that_were_missed_are_caught_up_on() -> None:
    office = Office()
    await office.run()
    await office.post(used("1", "research", 60_000, NOON + 3 * HOUR))
    office.clock.advance(5 * 3600)

    assert (await office.run()).hours == 5

    assert await office.costs(NOON, 6) == {"platform": 500, "research": 100}


async def test_a_long_absence_is_caught_up_on_in_several_runs() -> None:
    office = Office()
    await office.run()
    office.clock.advance(3600 * (MOST_HOURS + 3))

    assert [(run.hours, run.left) for run in (await office.run(), await office.run())] == [(MOST_HOURS, 3), (3, 0)]


async def test_use_that_is_posted_late_is_charged_and_taken_from_idle() -> None:
    office = Office()
    await office.post(used("1", "research", 30_000))
    await office.run()
    await office.post(used("2", "sales", 15_000))
    office.clock.advance(3600)

    await office.run()

    assert await office.costs() == {"research": 50, "sales": 25, "platform": 25}
    corrections = [entry for entry in await office.entries() if entry.dimensions.type is EntryType.ADJUSTMENT]
    assert [(entry.dimensions.team, entry.cost, entry.reason) for entry in corrections] == [
        ("platform", -25 * 10**9, "late")
    ]


async def test_what_is_used_beyond_capacity_shares_the_cost() -> None:
    office = Office()
    await office.post(used("1", "research", 90_000), used("2", "sales", 30_000))

    await office.run()

    assert await office.costs() == {"research": 75, "sales": 25}


async def test_an_hour_keeps_its_terms_when_the_pool_changes() -> None:
    office = Office()
    await office.post(used("1", "research", 30_000))
    await office.run()
    await office.post(used("2", "sales", 6_000))

    await office.run(pool(units=1, per_unit_hour="7"))

    assert await office.costs() == {"research": 50, "sales": 10, "platform": 40}


async def test_the_allocation_of_a_locked_period_is_an_adjustment() -> None:
    office = Office()

    await office.run(periods=Locked())

    (entry,) = await office.entries()
    assert (entry.dimensions.type, entry.reason, entry.cost) == (EntryType.ADJUSTMENT, "late", COST)


async def test_a_pool_is_not_paid_for_outside_its_time() -> None:
    office = Office()

    assert (await office.run(pool(effective_from=NOON + HOUR))).entries == 0
    assert (await office.run(pool(effective_to=NOON))).entries == 0
    assert (await office.run(pool(effective_from=NOON, effective_to=NOON + HOUR))).hours == 1
    office.clock.advance(7_200)
    assert await office.run(pool(effective_from=NOON, effective_to=NOON + HOUR)) == Allocated()


async def test_an_hour_keeps_its_owner_and_its_deployments_when_the_pool_changes() -> None:
    office = Office()
    both = pool(deployments=["ptu", "ptu2"])
    await office.post(used("1", "research", 30_000), used("2", "sales", 15_000, deployment="ptu2"))
    await office.run(both)
    await office.post(used("3", "research", 6_000))

    await office.run(pool(deployments=["ptu"], owner="somebody-else", currency="EUR"))

    assert await office.costs() == {"research": 60, "sales": 25, "platform": 15}


async def test_who_used_nothing_after_all_pays_nothing() -> None:
    office = Office()
    await office.post(used("1", "research", 30_000), used("2", "sales", 6_000))
    await office.run()
    await office.post(used("3", "sales", -6_000))

    await office.run()

    assert await office.costs() == {"research": 50, "platform": 50}


async def test_what_was_posted_beside_is_noticed_and_put_right() -> None:
    office = Office()
    await office.post(used("1", "research", 30_000))
    await office.run()
    (own,) = [entry for entry in await office.entries() if entry.dimensions.team == "research"]
    stray = replace(own, id=own.id[:-1] + "1", cost=7, lines={"provisioned": 7})
    await office.post(stray)

    await office.run()

    assert sum(entry.cost or 0 for entry in await office.entries()) == COST


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
async def test_who_was_charged_is_known_in_every_time_zone(zone: str) -> None:
    office = Office()
    office.zone = zone
    await office.post(used("1", "research", 30_000, NOON + timedelta(minutes=40)))
    office.clock.advance(3600)
    await office.run(pool(effective_from=NOON))
    await office.post(used("2", "research", -30_000, NOON + timedelta(minutes=40)))

    await office.run(pool(effective_from=NOON))

    assert await office.costs(NOON, 2) == {"platform": 200}


async def test_a_pool_that_is_stated_late_is_charged_from_its_beginning() -> None:
    office = Office()
    await office.run(pool(name="other", deployments=["x"]))
    office.clock.advance(3600 * 72)
    await office.run(pool(name="other", deployments=["x"]))
    await office.post(used("1", "research", 30_000))

    late = pool(effective_from="2026-06-10T13:30:00+01:30")
    assert await office.run(pool(name="other", deployments=["x"]), late) == Allocated(hours=73, entries=74)

    assert (await office.costs())["research"] == 50
    assert (await office.run(late)).entries == 0
    assert (await office.run(pool(effective_from=NOON - 2 * HOUR))).hours == 2


async def test_a_pool_that_began_long_ago_is_caught_up_on_in_several_runs() -> None:
    office = Office()
    long_ago = pool(effective_from=NOON - (MOST_HOURS + 9) * HOUR)

    runs = [await office.run(long_ago) for _ in range(3)]

    assert [(run.hours, run.left) for run in runs] == [(MOST_HOURS, 10), (10, 0), (0, 0)]


class LockedUntil:
    def __init__(self, end: datetime) -> None:
        self.end = end

    async def is_locked(self, at: datetime) -> bool:
        return at < self.end


class Board:
    def __init__(self) -> None:
        self.raised: list[Notice] = []

    async def raise_(self, notices: Iterable[Notice]) -> int:
        self.raised += notices
        return len(self.raised)


async def test_months_that_are_closed_are_not_charged_for_a_pool_that_is_stated_late_and_somebody_is_told() -> None:
    office, board = Office(), Board()
    late = pool(effective_from=NOON - 9 * HOUR)

    for _ in range(2):
        await office.run(late, periods=LockedUntil(NOON - 4 * HOUR), notices=board)

    assert await office.costs(NOON - 24 * HOUR, 30) == {"platform": 500}
    (notice,) = board.raised
    assert notice.facts == (("Pool", "main"), ("Charged from", "2026-06-10T08:00:00Z"))


async def test_a_pool_that_is_stated_years_late_is_charged_for_thirteen_months_at_most() -> None:
    office, board = Office(), Board()

    done = await office.run(pool(effective_from="2020-01-01T00:00:00Z"), notices=board)

    assert done.left == 395 * 24 - MOST_HOURS
    assert len(board.raised) == 1


async def test_without_pools_nothing_is_read() -> None:
    assert (
        await allocate(
            Dying(MemoryDocuments(), 0, carries_out=False), _Nobody(), Open(), (), FakeClock(), time_zone="UTC"
        )
        == Allocated()
    )


class _Nobody:
    async def post(self, entries: Sequence[Entry]) -> int:
        raise AssertionError


@pytest.mark.parametrize("carries_out", [True, False])
@pytest.mark.parametrize("at", range(1, 26, 2))
async def test_it_may_be_killed_at_any_point(at: int, carries_out: bool) -> None:
    office = Office()
    await office.post(used("1", "research", 6_000), used("2", "sales", 12_000))

    try:
        await office.run(documents=Dying(office.documents, at, carries_out=carries_out))
    except StoreUnavailable:
        await office.post(used("3", "sales", 6_000))
    await office.run()

    costs = await office.costs()
    assert sum(entry.cost or 0 for entry in await office.entries()) == COST
    assert costs["research"] == 10


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50_000)), max_size=4), min_size=1, max_size=4)
)
async def test_however_late_use_comes_the_hour_costs_what_it_costs(waves: list[list[tuple[str, int]]]) -> None:
    office = Office()
    for number, wave in enumerate(waves):
        await office.post(*(used(f"{number}-{index}", team, tokens) for index, (team, tokens) in enumerate(wave)))
        await office.run()

        entries = await office.entries()
        assert sum(entry.cost or 0 for entry in entries) == COST
        assert all(entry.cost == sum(entry.lines.values()) for entry in entries)


POOLS = st.builds(
    pool,
    owner=st.sampled_from(["platform", "a", "somebody"]),
    deployments=st.sampled_from([["ptu"], ["ptu", "ptu2"], ["ptu2"]]),
    units=st.integers(1, 200),
    currency=st.sampled_from(["USD", "EUR"]),
)
USES = st.tuples(st.sampled_from("abc"), st.integers(-50_000, 50_000), st.sampled_from(["ptu", "ptu2"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(POOLS, st.lists(USES, max_size=4)), min_size=1, max_size=4))
async def test_however_the_pool_is_edited_an_hour_costs_what_it_did_when_it_was_begun(
    waves: list[tuple[PoolConfig, list[tuple[str, int, str]]]],
) -> None:
    office = Office()
    cost = waves[0][0].terms().cost
    for number, (edited, uses) in enumerate(waves):
        entries = [
            used(f"{number}-{index}", team, tokens, deployment=name) for index, (team, tokens, name) in enumerate(uses)
        ]
        await office.post(*entries)
        await office.run(edited)

        posted = await office.entries()
        assert sum(entry.cost or 0 for entry in posted) == cost
        assert {entry.dimensions.currency for entry in posted} == {waves[0][0].currency}


async def test_while_use_is_counted_anew_hours_wait_and_are_then_divided_as_ever() -> None:
    office = Office()
    await ZoneStore(office.documents, office.clock, "UTC").state()
    await office.post(used("1", "research", 6_000), used("2", "sales", 12_000))
    await office.run()
    before = await office.costs()
    office.clock.advance(3600)
    office.zone = "Asia/Kolkata"

    assert await office.run() == Allocated()
    assert await office.costs(NOON, 3) == before

    repost, archived = cast("Any", None), none_archived
    service = ReconciliationService(office.documents, office.clock, forms, repost, archived, time_zone=office.zone)
    zone = await service.zone.state()
    for team in ("research", "sales", "platform"):
        await service.reconcile(team, "2026-06")
    await service.zone.settle(zone)
    office.clock.advance(3600)
    await office.run()
    assert sum((await office.costs(NOON, 3)).values()) == 300


async def none_archived(team: str, month: str) -> int:
    return 0
