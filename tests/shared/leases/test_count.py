"""What nothing was reserved for is counted nevertheless, and shows on every instance."""

from collections.abc import Coroutine
from typing import Any

import pytest

from shared.leases.model import Allowance
from shared.leases.service import Leases
from shared.windows import CalendarPeriod, Period
from tests.fakes import FakeClock, MemoryDocuments

DAY = CalendarPeriod(Period.DAY)


class World:
    def __init__(self) -> None:
        self.clock, self.documents = FakeClock(), MemoryDocuments()

    def instance(self, name: str) -> Leases:
        return Leases(self.documents, self.clock, name, self._spawn)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        work.close()


@pytest.mark.parametrize("limit", [0, 10, 1000, None])
@pytest.mark.parametrize("is_known", [False, True])
async def test_it_counts_whether_or_not_there_is_room(limit: int | None, is_known: bool) -> None:
    world = World()
    here, there = world.instance("here"), world.instance("there")
    allowance = Allowance("budget:b", limit, DAY)
    if is_known:
        await here.look(allowance)

    here.count(allowance, 500)
    here.count(allowance, -100)
    await here.tend()
    world.clock.advance(5)
    await here.tend()

    assert (await there.look(allowance)).used == 400
    assert (await here.look(allowance)).used == 400


async def test_what_was_taken_knows_the_window_that_it_was_taken_from() -> None:
    world = World()
    leases = world.instance("here")
    allowance = Allowance("budget:b", None, DAY)
    await leases.look(allowance)
    taken = leases.take_now(allowance, 5)
    assert taken is not None

    world.clock.advance(86_400)
    await leases.look(allowance)
    taken.settle(7)

    assert taken.level().used == 7
    level = leases.level(allowance)
    assert level is not None
    assert level.used == 0
