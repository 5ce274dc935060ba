"""Months are of the reporting time zone, and fiscal years of the company."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.reconciliation.months import Calendar, MonthInvalid, utc_month

ZONES = st.sampled_from(
    ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "America/Havana"]
)


def test_a_month_begins_at_midnight_in_the_reporting_time_zone() -> None:
    month = Calendar("America/New_York").month("2026-11")

    # Summer time ends in between: the month has an hour more.
    assert month.window.start == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert month.window.end == datetime(2026, 12, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "month", "label"),
    [
        (1, "2026-11", "FY2026-P11"),
        (4, "2026-11", "FY2026-P08"),
        (4, "2027-03", "FY2026-P12"),
        (4, "2027-04", "FY2027-P01"),
        (12, "2026-12", "FY2026-P01"),
    ],
)
def test_fiscal_years_are_named_by_the_year_they_begin_in(first: int, month: str, label: str) -> None:
    assert Calendar("Asia/Kolkata", first).month(month).label == label


@pytest.mark.parametrize("name", ["2026-13", "2026-1", "26-11", "", "2026-11-01", "2026-11\n"])
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(MonthInvalid):
        Calendar().month(name)


def test_partitions_are_of_months_in_utc() -> None:
    window = utc_month("2026-12")
    assert (window.start, window.end) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


@settings(max_examples=200)
@given(zone=ZONES, minutes=st.integers(0, 15 * 365 * 24 * 60))
def test_every_moment_is_in_one_month_which_its_name_leads_back_to(zone: str, minutes: int) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    calendar = Calendar(zone, 7)
    month = calendar.at(at)

    assert month.window.holds(at)
    assert calendar.month(month.id) == month
    assert calendar.before(month).window.end == month.window.start
