"""Limits per fixed window: met to the unit by all instances together, and started afresh with the window."""

import asyncio

import pytest

from shared.documents import StoreUnavailable
from shared.leases.model import Allowance, Exhausted
from shared.windows import FixedWindow
from tests.shared.leases.fleet import Fleet, draw, try_to_draw

MINUTE = FixedWindow(60)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def window_id(fleet: Fleet) -> str:
    return MINUTE.at(fleet.clock.now()).id


async def granted(fleet: Fleet, allowance: Allowance) -> int:
    return int((await fleet.store.body(allowance, window_id(fleet)))["granted"])


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_concurrent_callers_of_many_instances_get_exactly_the_limit(fleet: Fleet, limit: int) -> None:
    allowance = Allowance("requests", limit, MINUTE)

    async def call(number: int) -> bool:
        return await try_to_draw(fleet[number % 8], allowance) is not None

    admitted = sum(await asyncio.gather(*(call(number) for number in range(limit * 2 + 50))))
    assert limit * 0.8 <= admitted <= limit
    for _ in range(4):
        await fleet.seconds(1)
        admitted += sum(await asyncio.gather(*(call(number) for number in range(limit + 8))))

    assert admitted == limit


async def test_units_of_different_size_never_add_up_to_more_than_the_limit(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 10_000, MINUTE)

    async def call(number: int) -> int:
        taken = await try_to_draw(fleet[number % 5], allowance, 1 + number * 37 % 400)
        return taken.amount if taken else 0

    amounts = [await call(number) for number in range(100)]
    amounts += await asyncio.gather(*(call(number) for number in range(100)))

    assert 9_000 <= sum(amounts) <= 10_000


async def test_at_the_last_moment_of_a_window_the_old_limit_holds_and_at_the_next_the_new_one(fleet: Fleet) -> None:
    allowance = Allowance("requests", 5, MINUTE)
    fleet.clock.advance(59.999)
    for _ in range(5):
        await draw(fleet[0], allowance)
    with pytest.raises(Exhausted) as refused:
        await draw(fleet[0], allowance)
    assert refused.value.retry_after_s == pytest.approx(0.001)
    assert refused.value.remaining == 0

    fleet.clock.advance(0.001)

    for _ in range(5):
        await draw(fleet[0], allowance)
    with pytest.raises(Exhausted):
        await draw(fleet[0], allowance)


async def test_what_is_left_of_a_window_is_of_no_use_in_the_next(fleet: Fleet) -> None:
    allowance = Allowance("requests", 1000, MINUTE)
    await draw(fleet[0], allowance)
    fleet.clock.advance(60)

    assert fleet[0].take_now(allowance, 1) is None
    assert fleet[0].level(allowance) is None


async def test_who_waits_while_the_window_ends_is_served_from_the_next(fleet: Fleet) -> None:
    allowance = Allowance("requests", 10, MINUTE)
    before = window_id(fleet)
    waiting = asyncio.create_task(fleet[0].take(allowance, 10))
    for _ in range(3):
        await asyncio.sleep(0)
    assert fleet.store.calls
    fleet.clock.advance(60)

    assert (await waiting).amount == 10
    assert (await fleet.store.body(allowance, before))["granted"] == 10
    assert await granted(fleet, allowance) == 10


async def test_a_call_that_ends_in_the_next_window_returns_nothing_to_it(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 100, MINUTE)
    taken = await draw(fleet[0], allowance, 100)
    fleet.clock.advance(60)
    await draw(fleet[0], allowance, 100)

    taken.settle(1)

    assert await try_to_draw(fleet[0], allowance, 1) is None


async def test_what_is_idle_returns_after_two_seconds(fleet: Fleet) -> None:
    allowance = Allowance("requests", 1000, MINUTE)
    await draw(fleet[0], allowance)
    assert await granted(fleet, allowance) == 20

    await fleet.seconds(4)

    assert await granted(fleet, allowance) == 1


async def test_a_settlement_returns_the_rest_and_counts_what_was_more(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 100, MINUTE)
    one, other = await draw(fleet[0], allowance, 40), await draw(fleet[0], allowance, 60)

    one.settle(10)
    one.settle(0)
    assert (await draw(fleet[0], allowance, 30)).amount == 30
    other.settle(75)
    await fleet.tend()

    assert fleet[0].take_now(allowance, 1) is None
    assert await granted(fleet, allowance) == 115
    level = fleet[0].level(allowance)
    assert level is not None
    assert (level.used, level.remaining) == (115, 0)


async def test_a_call_can_reserve_more_while_it_lasts(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 1000, MINUTE)
    taken = await draw(fleet[0], allowance, 10)

    assert taken.extend(5)
    assert not taken.extend(500)
    await fleet.tasks.finish()
    assert taken.amount == 515
    taken.settle(515)
    assert not taken.extend(1)
    await fleet.seconds(4)

    assert await granted(fleet, allowance) == 515


async def test_a_refused_caller_costs_the_store_a_few_calls_a_second_at_most(fleet: Fleet) -> None:
    allowance = Allowance("requests", 3, MINUTE)
    for _ in range(3):
        await draw(fleet[0], allowance)
    assert await try_to_draw(fleet[0], allowance) is None
    fleet.calls()

    for _ in range(100):
        fleet.clock.advance(0.01)
        assert await try_to_draw(fleet[0], allowance) is None

    assert fleet.calls().total() <= 8


async def test_waiting_callers_are_served_in_their_order_by_one_borrowing(fleet: Fleet) -> None:
    allowance = Allowance("requests", 10, MINUTE)
    served: list[int] = []

    async def call(number: int) -> None:
        if await try_to_draw(fleet[0], allowance):
            served.append(number)

    await asyncio.gather(*(call(number) for number in range(15)))

    assert served == list(range(10))
    assert fleet.calls().total() <= 6


async def test_a_caller_who_gives_up_while_waiting_takes_nothing(fleet: Fleet) -> None:
    allowance = Allowance("requests", 1, MINUTE)
    for steps in range(12):
        waiting = asyncio.create_task(fleet[0].take(allowance, 1))
        for _ in range(steps):
            await asyncio.sleep(0)
        if not waiting.cancel():
            (await waiting).release()
        await asyncio.gather(waiting, return_exceptions=True)
    await fleet.tasks.finish()

    assert await draw(fleet[0], allowance)


async def test_raising_a_limit_takes_effect_at_once(fleet: Fleet) -> None:
    await draw(fleet[0], Allowance("requests", 5, MINUTE), 5)
    assert await try_to_draw(fleet[0], Allowance("requests", 5, MINUTE)) is None

    assert await draw(fleet[0], Allowance("requests", 6, MINUTE))
    assert await try_to_draw(fleet[0], Allowance("requests", 6, MINUTE)) is None


async def test_lowering_a_limit_takes_effect_at_once(fleet: Fleet) -> None:
    await draw(fleet[0], Allowance("requests", 1000, MINUTE), 5)

    lower = Allowance("requests", 6, MINUTE)

    assert await draw(fleet[0], lower)
    assert await try_to_draw(fleet[0], lower) is None
    await fleet.seconds(1)
    assert await granted(fleet, lower) == 6


async def test_without_a_limit_everything_is_counted_and_nothing_refused(fleet: Fleet) -> None:
    allowance = Allowance("requests", None, MINUTE)
    for number in range(30):
        (await draw(fleet[number % 3], allowance, 10)).settle(7)
    await fleet.tend()

    level = await fleet[3].look(allowance)

    assert (level.used, level.remaining) == (210, None)


async def test_while_the_store_is_down_the_lease_is_used_up_and_then_nothing_is_admitted(fleet: Fleet) -> None:
    allowance = Allowance("requests", 1000, MINUTE)
    await draw(fleet[0], allowance)
    fleet.store.documents.is_down = True

    admitted = 0
    while fleet[0].take_now(allowance, 1):
        admitted += 1
    assert admitted == 19
    with pytest.raises(StoreUnavailable):
        await fleet[0].take(allowance, 1)
    await fleet.seconds(3)
    fleet.store.documents.is_down = False

    assert await draw(fleet[0], allowance)


async def test_a_lost_answer_costs_a_chunk_and_admits_nobody_twice(fleet: Fleet) -> None:
    allowance = Allowance("requests", 100, MINUTE)
    admitted = 0
    for number in range(300):
        fleet.store.lost = int(number % 7 == 0)
        admitted += await try_to_draw(fleet[number % 3], allowance) is not None
        if number % 20 == 0:
            await fleet.seconds(1)

    assert 0 < admitted <= 100


async def test_two_halves_that_are_each_too_small_come_together(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 100, MINUTE)
    calls = [await draw(fleet[number], allowance, 50) for number in range(2)]
    for call in calls:
        call.settle(20)

    assert await try_to_draw(fleet[0], allowance, 60) is None
    assert await draw(fleet[1], allowance, 60)
