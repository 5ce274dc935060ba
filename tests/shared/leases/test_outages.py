"""A store that does not answer costs its patience once, not at every call; and one lease that fails does not fail the others."""

import asyncio
from typing import Any

import pytest

from shared.documents import StoreUnavailable
from shared.leases.model import Allowance, Held
from shared.leases.service import DOWN_S, Leases
from shared.windows import CalendarPeriod, FixedWindow, Period
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.leases.fleet import Fleet, Tasks, draw

YEAR = CalendarPeriod(Period.YEAR)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.mark.parametrize("rule", [FixedWindow(60), YEAR, Held()], ids=lambda rule: type(rule).__name__)
async def test_after_one_failure_nobody_waits_for_a_moment(fleet: Fleet, rule: Any) -> None:
    fleet.store.documents.is_down = True
    with pytest.raises(StoreUnavailable):
        await fleet[0].take(Allowance("a", 10, rule), 1)
    fleet.calls()

    for name in "abc":
        with pytest.raises(StoreUnavailable):
            await fleet[0].take(Allowance(name, 10, rule), 1)
        with pytest.raises(StoreUnavailable):
            await fleet[0].look(Allowance(name, 10, rule))
    assert fleet.calls().total() == 0

    fleet.store.documents.is_down = False
    fleet.clock.advance(DOWN_S)
    (await fleet[0].take(Allowance("a", 10, rule), 1)).settle(1)


async def test_what_is_held_is_drawn_on_through_an_outage(fleet: Fleet) -> None:
    allowance = Allowance("a", 1_000, YEAR)
    (await draw(fleet[0], allowance)).settle(1)
    fleet.store.documents.is_down = True
    with pytest.raises(StoreUnavailable):
        await fleet[0].take(Allowance("b", 10, YEAR), 1)

    assert (await fleet[0].take(allowance, 1)).amount == 1


async def test_many_who_look_at_once_share_one_look(fleet: Fleet) -> None:
    allowance = Allowance("a", 10, YEAR)

    await asyncio.gather(*(fleet[0].look(allowance) for _ in range(60)))

    assert fleet.calls().total() == 1


@pytest.mark.parametrize("rule", [FixedWindow(60), YEAR, Held()], ids=lambda rule: type(rule).__name__)
async def test_nothing_can_be_drawn_that_is_less_than_nothing(fleet: Fleet, rule: Any) -> None:
    allowance = Allowance("a", 10, rule)
    (await draw(fleet[0], allowance)).settle(1)

    with pytest.raises(ValueError, match="less than nothing"):
        fleet[0].take_now(allowance, -5)
    with pytest.raises(ValueError, match="less than nothing"):
        await fleet[0].take(allowance, -5)


class Narrow(MemoryDocuments):
    """Takes integers of 64 bits, as real stores do."""

    async def replace(
        self, container: str, partition: str, document: Any, if_match: str, ttl_s: int | None = None
    ) -> Any:
        if document["spent"] >= 2**63:
            raise TypeError("Integer exceeds 64-bit range")
        return await super().replace(container, partition, document, if_match, ttl_s)


async def test_one_lease_that_cannot_be_stored_does_not_keep_the_others_from_being_reported() -> None:
    clock, tasks = FakeClock(), Tasks()
    documents = Narrow(clock)
    leases = Leases(documents, clock, "inst", tasks.spawn)
    sick, well = Allowance("sick", None, YEAR), Allowance("well", 1_000, YEAR)
    for allowance, used in ((sick, 2**64), (well, 7)):
        (await leases.take(allowance, 1)).settle(used)
    await tasks.finish()

    clock.advance(3)
    await leases.tend()

    assert (await Leases(documents, clock, "other", tasks.spawn).look(well)).used == 7
