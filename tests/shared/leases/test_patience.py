"""Whoever loses races tries again soon, and nobody waits for ever; in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from shared.documents import DocumentStore, PreconditionFailed
from shared.leases.lease import Contended
from shared.leases.model import Allowance, Held, Smooth
from shared.leases.patience import FIRST_S, HURRIED_S, PATIENCE_S, UNHURRIED_S, Patience
from shared.leases.service import Leases
from shared.windows import CalendarPeriod, FixedWindow, Period
from tests.fakes import MemoryDocuments
from tests.load.scale.rehearsal import SlowDocuments
from tests.load.scale.virtual_time import VirtualClock, run
from tests.shared.leases.fleet import Tasks

MONTH = CalendarPeriod(Period.MONTH)
ALLOWANCES = [Allowance("limited", 10_000, rule) for rule in (MONTH, Held(), FixedWindow(60), Smooth(60))]
EACH = pytest.mark.parametrize("allowance", ALLOWANCES, ids=lambda each: type(each.rule).__name__)
HUNG = 10_000
"""So many times slower than usual: a read takes a minute."""


class OthersFirst(SlowDocuments):
    """Nobody's version is ever the newest."""

    async def replace(self, *args: Any) -> None:
        await asyncio.sleep(0.01)
        raise PreconditionFailed


def leases_on(documents: object) -> Leases:
    return Leases(cast("DocumentStore", documents), VirtualClock(), "inst", Tasks().spawn)


async def seconds_until_given_up(ask: Callable[[], Awaitable[object]]) -> float:
    begun = asyncio.get_running_loop().time()
    with pytest.raises(Contended):
        await ask()
    return asyncio.get_running_loop().time() - begun


async def pauses(count: int, *, is_hurried: bool) -> list[float]:
    taken, now = [], asyncio.get_running_loop().time
    patience = Patience(now)
    for _ in range(count):
        begun = now()
        await patience.pause(is_hurried=is_hurried)
        taken.append(now() - begun)
    return taken


def draws_by_lot(monkeypatch: pytest.MonkeyPatch, part: float) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low + part * (high - low))


@pytest.mark.parametrize(("is_hurried", "longest"), [(True, HURRIED_S), (False, UNHURRIED_S)])
def test_pauses_begin_at_about_an_exchange_and_grow_to_what_those_who_wait_can_bear(
    monkeypatch: pytest.MonkeyPatch, is_hurried: bool, longest: float
) -> None:
    draws_by_lot(monkeypatch, 1.0)
    taken = run(pauses(8, is_hurried=is_hurried))

    assert taken[:3] == pytest.approx([FIRST_S, 2 * FIRST_S, 4 * FIRST_S])
    assert taken[-1] == pytest.approx(longest)


@pytest.mark.parametrize("part", [0.1, 0.5, 1.0])
def test_an_exchange_is_given_up_in_time_however_the_lot_falls(monkeypatch: pytest.MonkeyPatch, part: float) -> None:
    draws_by_lot(monkeypatch, part)
    waited = run(seconds_until_given_up(lambda: pauses(10_000, is_hurried=False)))
    assert PATIENCE_S - UNHURRIED_S <= waited < PATIENCE_S


@EACH
def test_a_call_waits_no_longer_for_a_store_that_hangs(allowance: Allowance) -> None:
    async def scenario() -> None:
        leases = leases_on(SlowDocuments(MemoryDocuments(VirtualClock()), HUNG))
        assert await seconds_until_given_up(lambda: leases.take(allowance, 1)) == pytest.approx(PATIENCE_S)
        assert await seconds_until_given_up(lambda: leases.look(allowance)) == pytest.approx(PATIENCE_S)

    run(scenario())


def test_a_call_waits_no_longer_where_others_are_always_faster_even_behind_a_report() -> None:
    async def scenario() -> None:
        store = OthersFirst(MemoryDocuments(VirtualClock()))
        leases, budget = leases_on(store), ALLOWANCES[0]
        (await leases.take(budget, 10)).settle(5)
        await asyncio.sleep(3)
        report = asyncio.create_task(leases.tend())
        await asyncio.sleep(PATIENCE_S / 2)

        assert await seconds_until_given_up(lambda: leases.take(budget, 9_000)) <= PATIENCE_S
        await report

    run(scenario())


def test_what_comes_for_a_call_that_has_given_up_is_there_for_the_next() -> None:
    async def scenario() -> None:
        leases, budget = leases_on(SlowDocuments(MemoryDocuments(VirtualClock()), 900)), ALLOWANCES[0]
        await seconds_until_given_up(lambda: leases.take(budget, 10))
        await asyncio.sleep(PATIENCE_S)

        level = leases.level(budget)
        assert level is not None
        assert (level.used, level.remaining) == (0, 10_000)
        assert leases.take_now(budget, 10) is not None

    run(scenario())
