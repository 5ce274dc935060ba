from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devhost import ncrontab
from devhost.ncrontab import Crontab, Every, ScheduleInvalid

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def field(lowest: int, highest: int) -> st.SearchStrategy[str]:
    value = st.integers(lowest, highest)
    spans = st.tuples(value, value).map(lambda ends: f"{min(ends)}-{max(ends)}")
    part = st.one_of(
        st.just("*"),
        value.map(str),
        spans,
        st.tuples(st.one_of(st.just("*"), value.map(str), spans), st.integers(1, 20)).map(lambda p: f"{p[0]}/{p[1]}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


expressions = st.tuples(
    field(0, 59), field(0, 59), field(0, 23), field(1, 28), field(1, 12), st.one_of(st.just("*"), field(0, 6))
).map(" ".join)


@given(expressions, moments)
def test_the_next_occurrence_is_later_and_matches_the_fields(expression: str, now: datetime) -> None:
    schedule = ncrontab.parse(expression)
    assert isinstance(schedule, Crontab)

    following = schedule.next_after(now)

    assert following > now
    assert schedule.matches(following)


@given(expressions, moments, st.data())
def test_nothing_between_now_and_the_next_occurrence_matches(
    expression: str, now: datetime, data: st.DataObject
) -> None:
    schedule = ncrontab.parse(expression)
    assert isinstance(schedule, Crontab)
    seconds = int((schedule.next_after(now) - now).total_seconds())
    assume(seconds > 1)

    between = now.replace(microsecond=0) + timedelta(seconds=data.draw(st.integers(1, seconds - 1)))

    assert not schedule.matches(between)


@given(st.sampled_from(["*/7 * * * * *", "3 5-50/9 * * * *", "0 59 23 * * *", "0 0 */5 * * *"]), moments)
def test_every_second_up_to_the_next_occurrence_was_looked_at(expression: str, now: datetime) -> None:
    schedule = ncrontab.parse(expression)
    assert isinstance(schedule, Crontab)

    second = now.replace(microsecond=0) + timedelta(seconds=1)
    while not schedule.matches(second):
        second += timedelta(seconds=1)

    assert schedule.next_after(now) == second


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 */5 * * * *", "2026-03-02T12:05:00"),
        ("*/15 * * * * *", "2026-03-02T12:00:15"),
        ("0 0 * * * *", "2026-03-02T13:00:00"),
        ("0 30 9 * * Mon-Fri", "2026-03-03T09:30:00"),
        ("0 30 9 * January mon", "2027-01-04T09:30:00"),
        ("30 0 0 29 2 *", "2028-02-29T00:00:30"),
        ("5/20 0 0 * * *", "2026-03-03T00:00:05"),
        ("0 0 0 13 * 5", "2026-03-13T00:00:00"),
        ("*/5 * * * *", "2026-03-02T12:05:00"),
        ("00:30:00", "2026-03-02T12:30:00"),
        ("1.00:00:00", "2026-03-03T12:00:00"),
        ("25:00:00", "2026-03-27T12:00:00"),
    ],
)
def test_schedules_that_the_documentation_of_azure_functions_shows(expression: str, expected: str) -> None:
    assert ncrontab.parse(expression).next_after(NOON).isoformat() == f"{expected}+00:00"


def test_a_constant_interval_counts_from_now() -> None:
    assert ncrontab.parse("00:00:10") == Every(timedelta(seconds=10))


@pytest.mark.parametrize(
    "expression",
    [
        *("", "* * * *", "* * * * * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "* * * * 13 *", "* * * * * 7"),
        *(
            "*/0 * * * * *",
            "a * * * * *",
            "1- * * * * *",
            "* * * * * Funday",
            "0 0 22-4 * * *",
            "0 0 0 30 2 *",
            "00:00:00",
        ),
        *("-1 * * * * *", "1,,2 * * * * *", "² * * * * *"),
    ],
)
def test_a_schedule_that_the_host_would_not_run_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleInvalid):
        ncrontab.parse(expression)
