"""Leases as a whole: what the store is asked, what is remembered, and what holds whatever happens."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.leases.lease import Taken
from shared.leases.model import Allowance, Exhausted, Held, Smooth
from shared.leases.service import Leases
from shared.windows import CalendarPeriod, FixedWindow, Period
from tests.shared.leases.fleet import Fleet, draw, try_to_draw
from tests.shared.watched_documents import port

YEAR = CalendarPeriod(Period.YEAR)
RULES = [FixedWindow(60), Smooth(60), YEAR, Held()]
KINDS = pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
type Rule = FixedWindow | Smooth | CalendarPeriod | Held


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@KINDS
@pytest.mark.parametrize("limit", [60_000, None])
async def test_a_steady_stream_of_calls_asks_the_store_a_handful_of_times_and_never_before_a_call(
    fleet: Fleet, rule: Rule, limit: int | None
) -> None:
    allowance = Allowance("warm", limit, rule)
    for _ in range(200):
        (await draw(fleet[0], allowance)).settle(1)
    await fleet.tend()
    fleet.calls()

    misses = 0
    for number in range(1000):
        fleet.clock.advance(0.01)
        taken = fleet[0].take_now(allowance, 1)
        misses += taken is None
        (taken or await fleet[0].take(allowance, 1)).settle(1)
        if number % 100 == 99:
            await fleet.tend()
        await fleet.tasks.finish()

    assert misses == 0
    assert fleet.calls().total() <= 25


@KINDS
async def test_a_limit_of_zero_refuses_without_asking_the_store(fleet: Fleet, rule: Rule) -> None:
    allowance = Allowance("none", 0, rule)

    assert fleet[0].take_now(allowance, 1) is None
    with pytest.raises(Exhausted) as refused:
        await fleet[0].take(allowance, 1)

    assert refused.value.allowance is allowance
    assert refused.value.remaining == 0
    assert fleet.store.calls == []


@KINDS
async def test_more_than_the_limit_at_once_is_refused(fleet: Fleet, rule: Rule) -> None:
    allowance = Allowance("small", 10, rule)

    assert await try_to_draw(fleet[0], allowance, 11) is None
    assert await draw(fleet[0], allowance, 10)


@KINDS
async def test_the_level_is_unknown_until_somebody_looks(fleet: Fleet, rule: Rule) -> None:
    allowance = Allowance("level", 100, rule)
    assert fleet[0].level(allowance) is None

    looked = await fleet[0].look(allowance)

    assert (looked.used, looked.limit, looked.remaining) == (0, 100, 100)
    assert fleet[0].level(allowance) == looked


@KINDS
async def test_a_call_counts_once_however_often_it_is_settled(fleet: Fleet, rule: Rule) -> None:
    allowance = Allowance("once", 100, rule)
    taken = await draw(fleet[0], allowance, 100)
    taken.settle(40)
    taken.settle(40)
    taken.release()

    returned = 100 if isinstance(rule, Held) else 60
    assert await draw(fleet[0], allowance, returned)
    assert await try_to_draw(fleet[0], allowance, 1) is None


@KINDS
async def test_after_closing_others_can_use_what_was_left(fleet: Fleet, rule: Rule) -> None:
    allowance = Allowance("closing", 1000, rule)
    (await draw(fleet[0], allowance, 10)).settle(10)
    await fleet.close()

    left = 1000 if isinstance(rule, Held) else 990
    if isinstance(rule, Smooth):
        left -= 20  # borrowed ahead, it wears off by itself
    assert await draw(fleet[1], allowance, left)


async def test_names_that_are_not_used_any_more_are_forgotten_but_not_what_they_owe(fleet: Fleet) -> None:
    leases = Leases(port(fleet.store), fleet.clock, "inst_small", fleet.tasks.spawn, kept=5)
    owing = Allowance("owing", 1000, YEAR)
    taken = await draw(leases, owing, 10)
    for number in range(50):
        await draw(leases, Allowance(f"other-{number}", 1000, FixedWindow(1)), 10)
        fleet.clock.advance(1)
        await leases.tend()

    assert leases.remembered <= 7
    taken.settle(10)
    for _ in range(80):
        fleet.clock.advance(1)
        await leases.tend()
    for number in range(9):
        await leases.look(Allowance(f"more-{number}", 1000, YEAR))
    assert leases.remembered == 5
    assert leases.level(owing) is None

    (await draw(leases, owing, 5)).settle(5)
    await leases.close()
    assert (await fleet[0].look(owing)).used == 15


async def test_a_rule_that_changes_under_the_same_name_is_counted_anew(fleet: Fleet) -> None:
    await draw(fleet[0], Allowance("changing", 10, FixedWindow(60)), 10)
    hourly = Allowance("changing", 10, FixedWindow(3600))

    assert await draw(fleet[0], hourly, 10)
    assert await try_to_draw(fleet[0], hourly) is None


BUDGET = Allowance("budget", 400, YEAR)
HUNDRED_S = FixedWindow(100)
WINDOW = Allowance("window", 60, HUNDRED_S)
SLOTS = Allowance("slots", 6, Held())
ALLOWANCES = {each.name: each for each in (BUDGET, WINDOW, SLOTS)}


@dataclass
class Call:
    instance: int
    name: str
    window: str
    taken: Taken


@dataclass
class World:
    """What callers really did, to compare with what was granted."""

    fleet: Fleet = field(default_factory=Fleet)
    under_way: list[Call] = field(default_factory=list)
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    reached_at: float = 0.0

    async def do(self, event: str, number: int, amount: int) -> None:
        match event:
            case "calls":
                names = [name for name in ALLOWANCES for _ in range(1 + amount % 5)]
                calls = [self._call((number + i) % 3, name, amount) for i, name in enumerate(names)]
                await asyncio.gather(self._end_some(amount % 4), self.fleet[number % 3].tend(), *calls)
            case "settle":
                for _ in range(min(amount, len(self.under_way))):
                    self._settle(self.under_way.pop(number % len(self.under_way)), amount)
            case "wait":
                await self._wait((0.2, 1.0, 3.0, 40.0)[number])
            case "lose":
                self.fleet.store.lost = number
            case "outage":
                self.fleet.store.documents.is_down = not self.fleet.store.documents.is_down
            case "die":
                await self._die(number)
        self.check()

    async def _wait(self, seconds: float) -> None:
        self.fleet.clock.advance(seconds)
        if self.fleet.clock.monotonic() - self.reached_at > 200:
            self.fleet.store.documents.is_down = False
        await self.fleet.tend()
        if not self.fleet.store.documents.is_down:
            self.reached_at = self.fleet.clock.monotonic()

    async def _call(self, instance: int, name: str, amount: int) -> None:
        size = 1 if name == "slots" else 1 + amount
        if taken := await try_to_draw(self.fleet[instance], ALLOWANCES[name], size):
            call = Call(instance, name, self._window(name), taken)
            self.under_way.append(call)
            self._count(call, taken.amount)

    async def _end_some(self, many: int) -> None:
        """End calls one by one, while others begin."""
        for number in range(many):
            await asyncio.sleep(0)
            if self.under_way:
                self._settle(self.under_way.pop(0), number)

    def _settle(self, call: Call, share: int) -> None:
        actual = call.taken.amount * (share % 4) // 3
        call.taken.settle(actual)
        if call.name == "slots":
            self._count(call, -call.taken.amount)
        elif call.window == self._window(call.name):
            self._count(call, actual - call.taken.amount)

    async def _die(self, instance: int) -> None:
        """It dies after a report, its calls with it; what they had reserved of a budget counts as spent."""
        if self.fleet.store.documents.is_down:
            return
        self.fleet.store.lost = 0
        await self.fleet.seconds(3)
        self.fleet.kill(instance)
        lost = [call for call in self.under_way if call.instance == instance]
        self.under_way = [call for call in self.under_way if call.instance != instance]
        for call in lost:
            if call.name == "slots":
                self._count(call, -call.taken.amount)

    def _window(self, name: str) -> str:
        return HUNDRED_S.at(self.fleet.clock.now()).id if name == "window" else ""

    def _count(self, call: Call, amount: int) -> None:
        key = call.name, call.window
        self.used[key] = self.used.get(key, 0) + amount

    def check(self) -> None:
        for (name, _), used in self.used.items():
            limit = ALLOWANCES[name].limit
            assert limit is not None
            assert used <= limit

    async def end(self) -> None:
        self.fleet.store.documents.is_down, self.fleet.store.lost = False, 0
        while self.under_way:
            self._settle(self.under_way.pop(), 2)
        await self.fleet.seconds(15)
        await self.fleet.seconds(400, step=40)


events = st.tuples(
    st.sampled_from(("calls", "calls", "calls", "settle", "settle", "wait", "wait", "lose", "outage", "die")),
    st.integers(0, 3),
    st.integers(0, 20),
)


async def play(story: list[tuple[str, int, int]]) -> None:
    world = World()
    for event in story:
        await world.do(*event)
    await world.end()

    left = Fleet.beside(world.fleet)
    for allowance in (BUDGET, SLOTS):
        used = world.used.get((allowance.name, ""), 0)
        # A look does not reclaim; a draw does, and then everything that is not used is there.
        if used < (allowance.limit or 0):
            assert await draw(left, allowance, (allowance.limit or 0) - used)
        assert await try_to_draw(left, allowance, 1) is None


@settings(max_examples=80)
@given(st.lists(events, min_size=15, max_size=60))
def test_through_deaths_outages_and_lost_answers_nothing_passes_a_limit_and_nothing_is_lost(
    story: list[tuple[str, int, int]],
) -> None:
    asyncio.run(play(story))
