"""Budgets, quotas and slots: exact over all instances, through deaths, outages and lost answers."""

import asyncio
from datetime import UTC, datetime

import pytest

from shared.documents import StoreUnavailable
from shared.leases.model import Allowance, Exhausted, Held
from shared.windows import CalendarPeriod, Period
from tests.fakes import FakeClock
from tests.shared.leases.fleet import Fleet, draw, try_to_draw

MONTH = CalendarPeriod(Period.MONTH)
BUDGET = Allowance("teams/search:budget", 10_000, MONTH)
SLOTS = Allowance("teams/search:concurrency", 5, Held())
JANUARY = "month-2026-01-01"


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def spent(fleet: Fleet, allowance: Allowance = BUDGET, id: str = JANUARY) -> int:
    return int((await fleet.store.body(allowance, id))["spent"])


async def held(fleet: Fleet, allowance: Allowance = BUDGET, id: str = JANUARY) -> int:
    return sum(lease["amount"] for lease in (await fleet.store.body(allowance, id))["leases"].values())


async def test_concurrent_calls_of_many_instances_never_reserve_more_than_the_budget(fleet: Fleet) -> None:
    async def call(number: int) -> int:
        taken = await try_to_draw(fleet[number % 8], BUDGET, 20)
        return taken.amount if taken else 0

    reserved = sum(await asyncio.gather(*(call(number) for number in range(1600))))
    for _ in range(15):
        await fleet.seconds(1)
        reserved += sum(await asyncio.gather(*(call(number) for number in range(80))))

    assert reserved == 10_000


async def test_all_that_was_settled_is_spent_and_nothing_else(fleet: Fleet) -> None:
    total = 0
    for number in range(300):
        taken = await draw(fleet[number % 4], BUDGET, 30)
        taken.settle(number % 31)
        total += number % 31
        if number % 40 == 0:
            await fleet.seconds(1)
    await fleet.close()

    assert await spent(fleet) == total
    assert await held(fleet) == 0
    assert (await fleet.store.body(BUDGET, JANUARY))["leases"] == {}


async def test_a_reservation_that_is_given_back_can_be_used_by_the_next_call(fleet: Fleet) -> None:
    taken = await draw(fleet[0], BUDGET, 10_000)
    assert await try_to_draw(fleet[0], BUDGET, 1) is None

    taken.release()

    assert await draw(fleet[0], BUDGET, 10_000)


async def test_a_refusal_says_to_come_back_soon_while_reservations_are_out_and_else_at_the_periods_end(
    fleet: Fleet,
) -> None:
    taken = await draw(fleet[0], BUDGET, 10_000)
    with pytest.raises(Exhausted) as soon:
        await fleet[1].take(BUDGET, 1)
    assert 0 < soon.value.retry_after_s <= 5
    taken.settle(10_000)
    await fleet.seconds(2)

    with pytest.raises(Exhausted) as at_the_end:
        await fleet[1].take(BUDGET, 1)

    assert at_the_end.value.retry_after_s == (datetime(2026, 2, 1, tzinfo=UTC) - fleet.clock.now()).total_seconds()
    assert at_the_end.value.remaining == 0


async def test_a_call_that_costs_more_than_reserved_is_counted_past_the_limit(fleet: Fleet) -> None:
    taken = await draw(fleet[0], BUDGET, 9_999)
    assert not taken.extend(50)

    taken.settle(12_000)
    await fleet.seconds(2)

    assert await spent(fleet) == 12_000
    assert await held(fleet) == 0
    assert await try_to_draw(fleet[0], BUDGET, 1) is None
    assert await try_to_draw(fleet[1], BUDGET, 1) is None


async def test_the_share_of_a_dead_instance_returns_except_for_its_calls_under_way(fleet: Fleet) -> None:
    await draw(fleet[0], BUDGET, 100)
    await fleet.seconds(3)
    fleet.kill(0)
    await draw(fleet[1], BUDGET, 1)
    assert await try_to_draw(fleet[1], BUDGET, 9_800) is None
    await fleet.seconds(310)

    assert await draw(fleet[1], BUDGET, 9_800)
    assert await try_to_draw(fleet[1], BUDGET, 100) is None
    assert await spent(fleet) == 100


async def test_an_instance_that_was_cut_off_stops_drawing_before_others_take_its_share(fleet: Fleet) -> None:
    await draw(fleet[0], BUDGET, 10)
    fleet.store.documents.is_down = True
    await fleet.seconds(269)
    assert fleet[0].take_now(BUDGET, 10)

    fleet.clock.advance(2)

    assert fleet[0].take_now(BUDGET, 10) is None
    with pytest.raises(StoreUnavailable):
        await fleet[0].take(BUDGET, 10)


async def test_who_was_cut_off_for_so_long_that_others_took_his_share_still_reports_what_was_spent(
    fleet: Fleet,
) -> None:
    under_way = await draw(fleet[0], BUDGET, 500)
    await fleet.seconds(3)
    (await draw(fleet[0], BUDGET, 70)).settle(70)
    cut_off = fleet[0]
    fleet.kill(0)
    fleet.clock.advance(301)
    await draw(fleet[1], BUDGET, 9_000)
    assert await spent(fleet) == 500

    under_way.settle(300)
    await cut_off.tend()

    assert await spent(fleet) == 370
    (await draw(cut_off, BUDGET, 100)).settle(5)
    await cut_off.close()
    assert await spent(fleet) == 375


async def test_a_long_call_keeps_its_reservation(fleet: Fleet) -> None:
    under_way = await draw(fleet[0], BUDGET, 9_000)
    await fleet.seconds(1200, step=5)

    assert await try_to_draw(fleet[1], BUDGET, 2_000) is None
    under_way.settle(1_000)
    await fleet.seconds(12)

    assert await draw(fleet[1], BUDGET, 9_000)


async def test_a_store_outage_loses_no_spending(fleet: Fleet) -> None:
    for _ in range(10):
        (await draw(fleet[0], BUDGET, 20)).settle(15)
    fleet.store.documents.is_down = True
    for _ in range(10):
        taken = fleet[0].take_now(BUDGET, 20)
        assert taken
        taken.settle(15)
    await fleet.seconds(10)
    await fleet[0].close()
    fleet.store.documents.is_down = False
    await fleet.seconds(3)

    assert await spent(fleet) == 300


async def test_a_lost_answer_neither_doubles_spending_nor_strands_anything(fleet: Fleet) -> None:
    total = 0
    for number in range(200):
        fleet.store.lost = int(number % 5 == 0)
        if taken := await try_to_draw(fleet[number % 3], BUDGET, 40):
            taken.settle(number % 41)
            total += number % 41
        await fleet.seconds(1)
    fleet.store.lost = 0
    await fleet.seconds(15)

    assert 0 < await spent(fleet) == total
    assert await held(fleet) == 0


async def test_what_is_idle_goes_back_so_that_another_instance_can_use_all_of_it(fleet: Fleet) -> None:
    (await draw(fleet[0], BUDGET, 10)).settle(10)
    assert await try_to_draw(fleet[1], BUDGET, 9_990) is None

    await fleet.seconds(13)

    assert await draw(fleet[1], BUDGET, 9_990)


async def test_every_instance_hears_within_seconds_what_the_others_spent(fleet: Fleet) -> None:
    (await draw(fleet[0], BUDGET, 10)).settle(10)
    (await draw(fleet[1], BUDGET, 10)).settle(10)
    for _ in range(50):
        (await draw(fleet[0], BUDGET, 100)).settle(100)

    await fleet.seconds(4)

    for number in (0, 1):
        level = fleet[number].level(BUDGET)
        assert level is not None
        assert level.used == 5_020


async def test_a_period_ends_at_midnight_in_its_own_time_zone() -> None:
    allowance = Allowance("budget", 100, CalendarPeriod(Period.DAY, "Europe/Berlin"))
    fleet = Fleet(FakeClock(datetime(2026, 6, 1, 21, 59, 59, tzinfo=UTC)))
    late = await draw(fleet[0], allowance, 100)
    assert await try_to_draw(fleet[0], allowance, 1) is None

    fleet.clock.advance(1)
    assert fleet[0].take_now(allowance, 1) is None
    await draw(fleet[0], allowance, 40)
    late.settle(90)
    await fleet.seconds(3)

    assert await spent(fleet, allowance, "day-2026-06-01") == 90
    assert await held(fleet, allowance, "day-2026-06-01") == 0
    level = fleet[0].level(allowance)
    assert level is not None
    assert level.used == 0
    assert level.resets_at == datetime(2026, 6, 2, 22, tzinfo=UTC)


async def test_raising_and_lowering_a_budget_take_effect_at_once(fleet: Fleet) -> None:
    (await draw(fleet[0], BUDGET, 10_000)).settle(9_000)
    raised = Allowance(BUDGET.name, 12_000, MONTH)
    (await draw(fleet[0], raised, 3_000)).settle(0)
    lowered = Allowance(BUDGET.name, 9_500, MONTH)

    assert await try_to_draw(fleet[0], lowered, 501) is None
    assert await draw(fleet[0], lowered, 500)
    assert await try_to_draw(fleet[1], lowered, 1) is None


async def test_without_a_limit_spending_is_counted_exactly_and_never_refused(fleet: Fleet) -> None:
    allowance = Allowance("budget", None, MONTH)
    for number in range(90):
        (await draw(fleet[number % 3], allowance, 1000)).settle(number)
    fleet.store.documents.is_down = True
    for number in range(3):
        await fleet.seconds(400)
        taken = fleet[number].take_now(allowance, 10)
        assert taken
        taken.settle(10)
    fleet.store.documents.is_down = False
    await fleet.seconds(3)

    level = await fleet[3].look(allowance)
    assert (level.used, level.leased, level.remaining) == (sum(range(90)) + 30, 0, None)


async def test_slots_are_held_by_calls_under_way_and_come_back_with_them(fleet: Fleet) -> None:
    calls = [await draw(fleet[number % 2], SLOTS) for number in range(5)]
    with pytest.raises(Exhausted) as refused:
        await fleet[2].take(SLOTS, 1)
    assert 0 < refused.value.retry_after_s <= 5

    for call in calls:
        call.settle(1)
    await fleet.seconds(4)

    assert len([await draw(fleet[2], SLOTS) for _ in range(5)]) == 5
    assert await spent(fleet, SLOTS, "held") == 0


async def test_slots_that_a_busy_instance_does_not_need_any_more_go_back(fleet: Fleet) -> None:
    calls = [await draw(fleet[0], SLOTS) for _ in range(5)]
    for call in calls[1:]:
        call.release()
    for _ in range(4):
        (await draw(fleet[0], SLOTS)).release()
        await fleet.seconds(1)

    assert len([await draw(fleet[1], SLOTS) for _ in range(3)]) == 3


async def test_slots_of_a_dead_instance_return(fleet: Fleet) -> None:
    for _ in range(5):
        await draw(fleet[0], SLOTS)
    fleet.kill(0)
    fleet.clock.advance(301)

    assert len([await draw(fleet[1], SLOTS) for _ in range(5)]) == 5


async def test_the_level_of_slots_is_the_calls_under_way_everywhere(fleet: Fleet) -> None:
    first = await draw(fleet[0], SLOTS)
    await draw(fleet[1], SLOTS)
    await fleet.seconds(3)

    level = fleet[0].level(SLOTS)
    assert level is not None
    assert (level.used, level.remaining, level.resets_at) == (2, 3, None)
    first.release()
    level = fleet[0].level(SLOTS)
    assert level is not None
    assert level.used == 1


async def test_many_refused_calls_cost_the_store_a_few_calls_a_second(fleet: Fleet) -> None:
    (await draw(fleet[0], BUDGET, 10_000)).settle(10_000)
    await try_to_draw(fleet[0], BUDGET)
    fleet.calls()

    for _ in range(200):
        fleet.clock.advance(0.01)
        assert await try_to_draw(fleet[0], BUDGET) is None

    assert fleet.calls().total() <= 10


@pytest.mark.parametrize("steps", range(7))
async def test_what_a_call_spends_while_a_report_is_under_way_cannot_be_spent_again(fleet: Fleet, steps: int) -> None:
    taken = await draw(fleet[0], BUDGET, 10_000)
    fleet.clock.advance(3)
    report = asyncio.create_task(fleet[0].tend())
    for _ in range(steps):
        await asyncio.sleep(0)

    taken.settle(6_000)
    await report

    assert await try_to_draw(fleet[0], BUDGET, 4_001) is None
    assert await draw(fleet[0], BUDGET, 4_000)


@pytest.mark.parametrize("steps", range(7))
async def test_what_is_being_given_back_is_not_drawn_on_meanwhile(fleet: Fleet, steps: int) -> None:
    (await draw(fleet[0], BUDGET, 10)).settle(10)
    await fleet.seconds(1)
    fleet.clock.advance(11)
    giving_back = asyncio.create_task(fleet[0].tend())
    for _ in range(steps):
        await asyncio.sleep(0)

    here = fleet[0].take_now(BUDGET, 1_000)
    await giving_back
    elsewhere = await try_to_draw(fleet[1], BUDGET, 9_990)

    assert here is None or elsewhere is None
