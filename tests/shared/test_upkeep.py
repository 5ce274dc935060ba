"""Upkeep goes on while there are calls or anything is held, and then costs nothing."""

import asyncio

from shared.documents import StoreUnavailable
from shared.upkeep import IDLE_S, Upkeep
from tests.fakes import FakeClock


class Rounds:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.count = 0
        self.is_needed = False
        self.fails = False
        self.has_gone_on = asyncio.Event()
        self.upkeep = Upkeep((self.fail, self.one), self.clock, lambda: self.is_needed, every_s=0)

    async def fail(self) -> None:
        if self.fails:
            raise StoreUnavailable("down")

    async def one(self) -> None:
        self.count += 1
        if self.count == 5 * IDLE_S:
            self.has_gone_on.set()
        self.clock.advance(1)

    async def until_it_stops(self) -> None:
        async with asyncio.timeout(5):
            before = -1
            while before != self.count:
                before = self.count
                await asyncio.sleep(0.01)


async def test_it_stops_some_time_after_the_last_call_and_begins_with_the_next() -> None:
    rounds = Rounds()
    rounds.upkeep.touch()
    await rounds.until_it_stops()
    first = rounds.count

    rounds.upkeep.touch()
    await rounds.until_it_stops()

    assert first == IDLE_S
    assert rounds.count == 2 * IDLE_S
    await rounds.upkeep.close()


async def test_it_goes_on_while_a_long_call_holds_something() -> None:
    rounds = Rounds()
    rounds.is_needed = True
    rounds.upkeep.touch()

    await asyncio.wait_for(rounds.has_gone_on.wait(), 5)
    rounds.is_needed = False
    await rounds.until_it_stops()

    assert rounds.count >= 5 * IDLE_S
    await rounds.upkeep.close()


async def test_what_the_store_does_not_answer_keeps_nothing_else_from_being_done() -> None:
    rounds = Rounds()
    rounds.fails = True

    await rounds.upkeep.round()

    assert rounds.count == 1
