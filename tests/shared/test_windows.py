"""Windows of time follow each other without gap or overlap, whatever the clocks of a place do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.windows import CalendarPeriod, FixedWindow, Period, Window, WindowRule

INSTANT = timedelta.resolution
ZONES = ["UTC", *sorted(name for name in available_timezones() if "/" in name)]


def between(first_year: int, last_year: int) -> st.SearchStrategy[datetime]:
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (first_year, last_year))
    return st.timedeltas(timedelta(), last - first).map(lambda later: first + later)


moments = between(1880, 2100)
periods = st.builds(CalendarPeriod, st.sampled_from(Period), st.sampled_from(ZONES), st.integers(1, 12))

# Days on which clocks went forward or back at, across or near midnight, and days that were left out or came twice.
ODD_DAYS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2019, 2, 17)),
    ("Asia/Beirut", date(2024, 3, 31)),
    ("Africa/Cairo", date(2024, 4, 26)),
    ("Africa/Cairo", date(2024, 11, 1)),
    ("Atlantic/Azores", date(2024, 10, 27)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("America/Toronto", date(1919, 3, 31)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Apia", date(1892, 7, 4)),
    ("Pacific/Kiritimati", date(1995, 1, 1)),
    ("Pacific/Kwajalein", date(1969, 9, 30)),
    ("America/Juneau", date(1867, 10, 19)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
]
odd_moments = st.tuples(st.sampled_from(ODD_DAYS), st.timedeltas(timedelta(hours=-50), timedelta(hours=50))).map(
    lambda drawn: (drawn[0][0], datetime(*drawn[0][1].timetuple()[:3], tzinfo=UTC) + drawn[1])
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def assert_tiles(rule: WindowRule, now: datetime) -> Window:
    """The window holds the moment, is found from each of its ends, and touches both of its neighbours."""
    window = rule.at(now)
    assert window.holds(now)
    assert rule.at(window.start) == rule.at(window.end - INSTANT) == window
    assert rule.at(window.start - INSTANT).end == window.start
    assert rule.at(window.end).start == window.end
    assert rule.at(window.end).id != window.id
    return window


def assert_begins_with_its_first_day(rule: CalendarPeriod, window: Window) -> None:
    zone, first = ZoneInfo(rule.time_zone), date.fromisoformat(window.id.split("-", 1)[1])
    assert window.start.astimezone(zone).date() >= first > (window.start - INSTANT).astimezone(zone).date()


@given(periods, moments)
@settings(max_examples=300)
def test_calendar_periods_tile_time_in_every_zone(rule: CalendarPeriod, now: datetime) -> None:
    assert_begins_with_its_first_day(rule, assert_tiles(rule, now))


@given(st.sampled_from(Period), odd_moments, st.integers(1, 12))
@settings(max_examples=500)
def test_calendar_periods_tile_time_where_clocks_are_changed(
    period: Period, odd: tuple[str, datetime], first_month: int
) -> None:
    rule = CalendarPeriod(period, odd[0], first_month)

    assert_begins_with_its_first_day(rule, assert_tiles(rule, odd[1]))


@given(periods, moments, st.timedeltas(timedelta(days=-800), timedelta(days=800)))
def test_later_moments_never_have_earlier_windows(rule: CalendarPeriod, now: datetime, later: timedelta) -> None:
    first, second = sorted((now, now + later))

    assert rule.at(first).start <= rule.at(second).start


@given(periods, moments, st.sampled_from(ZONES))
def test_it_does_not_matter_in_which_zone_the_time_is_told(rule: CalendarPeriod, now: datetime, zone: str) -> None:
    assert rule.at(now.astimezone(ZoneInfo(zone))) == rule.at(now)


@given(st.integers(1, 86_400), between(2, 9999))
def test_fixed_windows_tile_time(seconds: int, now: datetime) -> None:
    window = assert_tiles(FixedWindow(seconds), now)

    assert window.end - window.start == timedelta(seconds=seconds)


def test_fixed_windows_count_from_the_epoch() -> None:
    assert FixedWindow(60).at(utc("1970-01-01T00:02:59")) == Window(
        "2", utc("1970-01-01T00:02:00"), utc("1970-01-01T00:03:00")
    )


@pytest.mark.parametrize(
    ("rule", "now", "window"),
    [
        (CalendarPeriod(Period.DAY), "2026-05-06T12:00", ("day-2026-05-06", "2026-05-06T00:00", "2026-05-07T00:00")),
        (
            CalendarPeriod(Period.DAY, "Europe/Berlin"),
            "2026-03-29T12:00",
            ("day-2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),
        ),
        (
            CalendarPeriod(Period.DAY, "Europe/Berlin"),
            "2026-10-25T12:00",
            ("day-2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),
        ),
        (CalendarPeriod(Period.WEEK), "2026-03-01T23:59", ("week-2026-02-23", "2026-02-23T00:00", "2026-03-02T00:00")),
        (CalendarPeriod(Period.WEEK), "2026-03-02T00:00", ("week-2026-03-02", "2026-03-02T00:00", "2026-03-09T00:00")),
        (
            CalendarPeriod(Period.MONTH, "America/New_York"),
            "2026-12-01T04:59",
            ("month-2026-11-01", "2026-11-01T04:00", "2026-12-01T05:00"),
        ),
        (
            CalendarPeriod(Period.QUARTER, "UTC", 2),
            "2026-01-31T12:00",
            ("quarter-2025-11-01", "2025-11-01T00:00", "2026-02-01T00:00"),
        ),
        (
            CalendarPeriod(Period.YEAR, "Asia/Tokyo", 4),
            "2026-03-31T14:59",
            ("year-2025-04-01", "2025-03-31T15:00", "2026-03-31T15:00"),
        ),
        (
            CalendarPeriod(Period.YEAR),
            "2024-02-29T12:00",
            ("year-2024-01-01", "2024-01-01T00:00", "2025-01-01T00:00"),
        ),
    ],
)
def test_periods_begin_where_the_calendar_says(rule: CalendarPeriod, now: str, window: tuple[str, str, str]) -> None:
    assert rule.at(utc(now)) == Window(window[0], utc(window[1]), utc(window[2]))


@pytest.mark.parametrize("first_month", range(1, 13))
@pytest.mark.parametrize("month", range(1, 13))
def test_a_fiscal_year_begins_in_its_month_and_holds_four_quarters(first_month: int, month: int) -> None:
    now = datetime(2026, month, 15, tzinfo=UTC)
    year = CalendarPeriod(Period.YEAR, "UTC", first_month).at(now)
    quarters, moment = 0, year.start
    while moment < year.end:
        moment, quarters = CalendarPeriod(Period.QUARTER, "UTC", first_month).at(moment).end, quarters + 1

    assert (year.start.month, year.start.day) == (first_month, 1)
    assert year.end == year.start.replace(year=year.start.year + 1)
    assert (moment, quarters) == (year.end, 4)


@pytest.mark.parametrize(
    ("zone", "first", "begins"),
    [
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00"),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00"),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30"),
    ],
)
def test_a_day_whose_midnight_is_skipped_begins_when_clocks_are_changed(zone: str, first: str, begins: str) -> None:
    day = CalendarPeriod(Period.DAY, zone).at(utc(f"{first}T12:00"))

    assert (day.id, day.start) == (f"day-{first}", utc(begins))


def test_a_day_that_was_left_out_has_no_window() -> None:
    rule = CalendarPeriod(Period.DAY, "Pacific/Apia")
    last = rule.at(utc("2011-12-30T09:59"))

    assert last.id == "day-2011-12-29"
    assert rule.at(last.end).id == "day-2011-12-31"


def test_an_hour_that_is_repeated_across_midnight_counts_for_the_later_day() -> None:
    rule = CalendarPeriod(Period.DAY, "America/St_Johns")
    repeated = utc("2010-11-07T03:00")

    assert repeated.astimezone(ZoneInfo("America/St_Johns")).date() == date(2010, 11, 6)
    assert rule.at(repeated).id == "day-2010-11-07"


def test_a_window_ends_just_before_its_end() -> None:
    window = FixedWindow(60).at(utc("2026-01-01T00:00:30"))

    assert window.holds(window.start)
    assert window.holds(window.end - INSTANT)
    assert not window.holds(window.end)
    assert not window.holds(window.start - INSTANT)
