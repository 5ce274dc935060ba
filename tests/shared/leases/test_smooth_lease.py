"""Limits that refill all the time: over any stretch no more than the limit and what refilled in it, by all instances together."""

import asyncio
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.leases.lease import Taken
from shared.leases.model import Allowance, Exhausted, Smooth
from tests.shared.leases.fleet import Fleet, draw, try_to_draw

PER_MINUTE = Allowance("requests", 60, Smooth(60))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def worst_excess(used: list[tuple[Fraction, int]], limit: int, seconds: int) -> Fraction:
    """Of all stretches, return by how much the worst one is above what may go through; negative where all are below."""
    # A stretch's use is within bounds if the level of a bucket that leaks at the rate never passes the limit.
    level, at, worst = Fraction(0), Fraction(0), Fraction(-limit)
    for time, amount in used:
        level = max(Fraction(0), level - (time - at) * Fraction(limit, seconds)) + amount
        at, worst = time, max(worst, level - limit)
    return worst


@dataclass
class Use:
    at: Fraction
    taken: Taken

    def settle(self, share: int) -> int:
        actual = self.taken.amount * share // 4
        self.taken.settle(actual)
        return actual


@dataclass(frozen=True)
class Step:
    instance: int
    milliseconds: int
    calls: tuple[int, ...]
    ending: tuple[int, ...]


numbers = st.integers(0, 40)
steps = st.builds(
    Step,
    st.integers(0, 2),
    st.sampled_from((0, 1, 3, 40, 700, 5_000, 60_000)),
    st.lists(numbers, max_size=5).map(tuple),
    st.lists(numbers, max_size=5).map(tuple),
)


async def play(story: list[Step], allowance: Allowance) -> list[tuple[Fraction, int]]:
    """Make calls that end later and have used a part of what they reserved; return when each began and what it used."""
    fleet = Fleet()
    under_way: list[Use] = []
    used: list[tuple[Fraction, int]] = []
    for step in story:
        fleet.clock.advance(step.milliseconds / 1000)
        now = Fraction(round(fleet.clock.monotonic() * 1000), 1000)
        for share in step.calls:
            amount = max(1, (allowance.limit or 0) * share // 40)
            if taken := await try_to_draw(fleet[step.instance], allowance, amount):
                under_way.append(Use(now, taken))
        for place in step.ending:
            if under_way:
                use = under_way.pop(place % len(under_way))
                used.append((use.at, use.settle(place % 5)))
        if step.instance == 0:
            await fleet.tend()
    used += [(use.at, use.settle(4)) for use in under_way]
    await fleet.close()
    return sorted(used)


@settings(max_examples=200)
@given(
    st.lists(steps, min_size=3, max_size=40),
    st.sampled_from(((1, 1), (10, 1), (60, 60), (100, 7), (1000, 60), (7, 60), (20_011, 3))),
)
def test_no_stretch_of_time_sees_more_than_the_limit_and_what_refilled(
    story: list[Step], pace: tuple[int, int]
) -> None:
    limit, seconds = pace
    used = asyncio.run(play(story, Allowance("tokens", limit, Smooth(seconds))))

    assert worst_excess(used, limit, seconds) <= 0


async def test_what_returns_after_it_has_refilled_cannot_be_used_besides(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 10_000, Smooth(100))
    long_call = await draw(fleet[0], allowance, 5_000)
    used = [(Fraction(0), (await draw(fleet[0], allowance, 100)).amount) for _ in range(10)]
    fleet.clock.advance(50)

    async def use_up(instance: int) -> None:
        while taken := await try_to_draw(fleet[instance], allowance, 10):
            used.append((Fraction(50), taken.amount))

    while taken := fleet[0].take_now(allowance, 10):
        used.append((Fraction(50), taken.amount))
    long_call.release()
    await use_up(0)
    await use_up(1)

    assert -100 <= worst_excess(used, 10_000, 100) <= 0


async def test_the_whole_limit_may_be_used_at_once_and_comes_back_over_time(fleet: Fleet) -> None:
    for number in range(60):
        await draw(fleet[number % 3], PER_MINUTE)
    with pytest.raises(Exhausted) as refused:
        await draw(fleet[0], PER_MINUTE)
    assert refused.value.remaining == 0
    assert refused.value.retry_after_s == pytest.approx(1.0)

    fleet.clock.advance(0.999)
    assert await try_to_draw(fleet[1], PER_MINUTE) is None
    fleet.clock.advance(0.001)
    assert await draw(fleet[1], PER_MINUTE)
    assert await try_to_draw(fleet[2], PER_MINUTE) is None


async def test_what_was_not_used_for_hours_does_not_add_up(fleet: Fleet) -> None:
    await draw(fleet[0], PER_MINUTE)
    fleet.clock.advance(3000)

    admitted = [await try_to_draw(fleet[number % 4], PER_MINUTE) for number in range(200)]

    assert sum(taken is not None for taken in admitted) == 60


async def test_callers_at_exactly_the_rate_are_never_refused(fleet: Fleet) -> None:
    allowance = Allowance("requests", 600, Smooth(60))
    for number in range(1200):
        fleet.clock.advance(0.1)
        await draw(fleet[number % 4], allowance)
        if number % 10 == 0:
            await fleet.tend()

    assert fleet.calls().total() < 1000


async def test_a_busy_bucket_costs_the_store_a_few_calls_a_second(fleet: Fleet) -> None:
    allowance = Allowance("requests", 60_000, Smooth(60))
    await draw(fleet[0], allowance)
    fleet.calls()

    for _ in range(1000):
        fleet.clock.advance(0.01)
        await draw(fleet[0], allowance)

    assert fleet.calls().total() <= 30


async def test_refusals_do_not_ask_the_store(fleet: Fleet) -> None:
    await draw(fleet[0], PER_MINUTE, 60)
    fleet.calls()

    for _ in range(90):
        fleet.clock.advance(0.01)
        assert await try_to_draw(fleet[0], PER_MINUTE) is None

    assert fleet.calls().total() == 0


async def test_tokens_that_a_call_did_not_need_come_back(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 1000, Smooth(60))
    taken = await draw(fleet[0], allowance, 1000)
    assert await try_to_draw(fleet[0], allowance, 500) is None

    taken.settle(100)

    assert await draw(fleet[0], allowance, 900)


async def test_tokens_beyond_the_reservation_are_counted_past_the_limit(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 1000, Smooth(100))
    (await draw(fleet[0], allowance, 1000)).settle(1500)
    await fleet.tend()

    with pytest.raises(Exhausted) as refused:
        await draw(fleet[1], allowance, 1)

    assert refused.value.retry_after_s == pytest.approx(50.1)


async def test_its_level_sinks_as_it_refills(fleet: Fleet) -> None:
    assert fleet[0].level(PER_MINUTE) is None
    await draw(fleet[0], PER_MINUTE, 30)
    fleet.clock.advance(10)

    level = await fleet[1].look(PER_MINUTE)

    assert (level.used, level.remaining) == (20, 40)
    assert level.resets_at is not None
    assert (level.resets_at - fleet.clock.now()).total_seconds() == 20


async def test_another_limit_is_another_bucket(fleet: Fleet) -> None:
    await draw(fleet[0], PER_MINUTE, 60)
    more = Allowance(PER_MINUTE.name, 61, PER_MINUTE.rule)

    assert fleet[0].take_now(more, 1) is None
    assert await draw(fleet[0], more, 61)
    assert await try_to_draw(fleet[0], more) is None


async def test_without_a_limit_it_counts_by_windows(fleet: Fleet) -> None:
    allowance = Allowance("requests", None, Smooth(60))
    for number in range(10):
        await draw(fleet[number % 2], allowance, 100)
    await fleet.tend()

    assert (await fleet[2].look(allowance)).used == 1000


async def test_an_absurdly_large_limit_can_be_stored(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 10**15, Smooth(1))
    fleet.clock.advance(10 * 365 * 86_400)

    assert await draw(fleet[0], allowance, 10**9)


async def test_while_the_store_is_down_what_is_owed_is_kept(fleet: Fleet) -> None:
    allowance = Allowance("tokens", 1000, Smooth(100))
    taken = await draw(fleet[0], allowance, 1000)
    fleet.store.documents.is_down = True
    taken.settle(1200)
    await fleet.tend()
    fleet.store.documents.is_down = False
    await fleet.tend()

    assert (await fleet[1].look(allowance)).used == 1200
