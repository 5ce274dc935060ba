from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.finance.model import Schedule
from shared.finance.schedule import SETTLE, holding, over

moments = st.integers(0, 730 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(
    moments, st.sampled_from(Schedule), st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
)
def test_periods_that_are_over_follow_each_other_without_a_gap(now: datetime, schedule: Schedule, zone: str) -> None:
    periods = list(over(schedule, now, zone))

    assert periods[0].window.end <= now - SETTLE
    assert holding(schedule, now - SETTLE, zone).window.start == periods[0].window.end
    for later, earlier in pairwise(periods):
        assert earlier.window.end == later.window.start
        assert earlier.label < later.label
    assert all(period.are_whole_days for period in periods)


def test_a_period_is_due_an_hour_after_its_end() -> None:
    midnight = datetime(2026, 11, 30, 23, tzinfo=UTC)  # in Berlin
    before = next(over(Schedule.MONTHLY, midnight + SETTLE - timedelta(seconds=1), "Europe/Berlin"))
    after = next(over(Schedule.MONTHLY, midnight + SETTLE, "Europe/Berlin"))

    assert (before.label, after.label) == ("2026-10", "2026-11")


def test_periods_have_the_names_that_people_use() -> None:
    at = datetime(2026, 11, 12, 12, tzinfo=UTC)

    assert [holding(schedule, at, "UTC").label for schedule in Schedule] == ["2026-11-12", "2026-W46", "2026-11"]
