"""A budget is passed by no more than what calls under way, or not reported yet, used beyond their reservations."""

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.leases.lease import Taken
from shared.leases.model import Allowance
from shared.windows import CalendarPeriod, Period
from tests.shared.leases.fleet import Fleet, try_to_draw

LIMIT = 1_000
BUDGET = Allowance("budget", LIMIT, CalendarPeriod(Period.YEAR))


@dataclass(frozen=True, slots=True)
class Begin:
    """A call on an instance, and what it will have used at its end: any share of its reservation, or more than that."""

    instance: int
    reserved: int
    used: int


@dataclass(frozen=True, slots=True)
class End:
    """The end of one of the calls under way, by its place among them."""

    place: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everybody tells the store what was spent."""


begins = st.builds(Begin, st.integers(0, 2), st.integers(1, 300), st.integers(0, 500))
steps = st.lists(begins | begins | st.builds(End, st.integers(0, 50)) | st.just(Report()), max_size=60)


class Spending:
    def __init__(self) -> None:
        self.fleet = Fleet()
        self.under_way: list[tuple[Begin, Taken]] = []
        self.unreported: list[Begin] = []
        self.at_stake = 0
        self.used = 0

    async def run(self, step: Begin | End | Report) -> None:
        match step:
            case Begin():
                if (taken := await try_to_draw(self.fleet[step.instance], BUDGET, step.reserved)) is not None:
                    self.under_way.append((step, taken))
                    self.at_stake = sum(_excess(call) for call in [*(c for c, _ in self.under_way), *self.unreported])
            case End() if self.under_way:
                call, taken = self.under_way.pop(step.place % len(self.under_way))
                taken.settle(call.used)
                self.used += call.used
                self.unreported.append(call)
            case Report():
                await self.fleet.seconds(5)
                self.unreported.clear()


def _excess(call: Begin) -> int:
    return max(0, call.used - call.reserved)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_the_overshoot_is_at_most_what_was_at_stake_when_the_last_call_was_let_through(
    story: list[Begin | End | Report],
) -> None:
    async def tell() -> tuple[int, int]:
        spending = Spending()
        for step in story:
            await spending.run(step)
        while spending.under_way:
            await spending.run(End(0))
        await spending.run(Report())
        assert (await Fleet.beside(spending.fleet).look(BUDGET)).used == spending.used
        return spending.used, spending.at_stake

    used, at_stake = asyncio.run(tell())

    assert used - LIMIT <= at_stake


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Begin, st.integers(0, 2), st.integers(1, 300), st.just(0)), max_size=60))
def test_where_no_call_uses_more_than_it_reserved_nothing_is_passed(calls: list[Begin]) -> None:
    async def tell() -> int:
        spending = Spending()
        for call in calls:
            await spending.run(Begin(call.instance, call.reserved, call.reserved))
        while spending.under_way:
            await spending.run(End(0))
        return spending.used

    assert asyncio.run(tell()) <= LIMIT
