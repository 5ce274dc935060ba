from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger.model import Cell, Dimensions, Grain, View, accumulate, add, cells_of, grouped, months_of, start_of
from shared.ledger.posting import entry_of
from shared.windows import CalendarPeriod, Period, Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import event, intake, per_token
from tests.shared.ledger.test_service import NOW
from tests.shared.ledger.truth import check

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Santiago",
    "America/New_York",
    "Pacific/Chatham",
)
MOMENTS = st.builds(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), st.floats(0, 5e8))
SUMS = st.dictionaries(st.sampled_from(["cost", "requests", "latency.3"]), st.integers(-(10**18), 10**18).filter(bool))

# Local days on which the clock is changed, as (zone, day, its length in hours).
CHANGES = [
    ("Europe/Berlin", (2026, 3, 29), 23.0),
    ("Europe/Berlin", (2026, 10, 25), 25.0),
    ("Asia/Kolkata", (2026, 10, 25), 24.0),
    ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
    ("Australia/Lord_Howe", (2026, 10, 4), 23.5),
    ("America/Santiago", (2026, 4, 4), 25.0),
]


@given(st.lists(SUMS, max_size=5))
def test_sums_are_added_name_by_name_and_hold_no_zero(parts: list[dict[str, int]]) -> None:
    expected: Counter[str] = Counter()
    for part in parts:
        for name, number in part.items():
            expected[name] += number

    assert add(*parts) == {name: number for name, number in expected.items() if number}


@given(SUMS, SUMS)
def test_adding_to_sums_leaves_what_was_added_alone(total: dict[str, int], part: dict[str, int]) -> None:
    grown, before = dict(total), dict(part)
    accumulate(grown, part)
    accumulate(grown, part)

    assert part == before
    assert add(grown) == add(total, part, part)


@settings(max_examples=300)
@given(MOMENTS, st.sampled_from(ZONES))
def test_a_moment_belongs_to_the_day_and_month_that_budgets_would_put_it_in(at: datetime, zone: str) -> None:
    for grain in (Grain.DAY, Grain.MONTH):
        window = CalendarPeriod(Period(grain), zone).at(at)
        assert start_of(grain, at, zone) == window.start
        assert window.holds(at)


@settings(max_examples=300)
@given(MOMENTS, st.sampled_from(ZONES))
def test_an_hour_begins_when_the_clock_shows_it(at: datetime, zone: str) -> None:
    start = start_of(Grain.HOUR, at, zone)
    shown = at.astimezone(ZoneInfo(zone))

    assert start <= at < start + timedelta(hours=1)
    assert (start + (shown.utcoffset() or timedelta())).replace(tzinfo=None) == shown.replace(
        minute=0, second=0, microsecond=0, tzinfo=None
    )


@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
async def test_when_the_clock_is_changed_every_event_is_in_one_hour_one_day_and_one_month(
    zone: str, day: tuple[int, int, int], hours: float
) -> None:
    documents = MemoryDocuments()
    noon = datetime(*day, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    window = CalendarPeriod(Period.DAY, zone).at(noon)
    quarters = [window.start + n * timedelta(minutes=15) for n in range(-4, int(hours * 4) + 4)]
    events = [event(f"req_{n}", at) for n, at in enumerate(quarters)]

    into = intake(documents, FakeClock(NOW), time_zone=zone)
    await into.ledger.post([entry_of(each, per_token(each), NOW) for each in events], events)

    assert window.end - window.start == timedelta(hours=hours)
    await check(documents, events)
    days = Counter(start_of(Grain.DAY, at, zone) for at in quarters)
    assert days[window.start] == hours * 4
    assert sum(days.values()) == len(quarters)


def test_an_entry_counts_in_detail_as_a_total_and_by_its_tags() -> None:
    entry = entry_of(event(tags={"pr": "a#1", "env": "x"}), per_token(event()), NOW)

    cells = list(cells_of(entry, "UTC"))

    assert Counter((cell.view, cell.grain) for cell in cells) == {
        **{(view, grain): 1 for view in (View.DETAIL, View.TOTAL) for grain in Grain},
        (View.TAG, Grain.DAY): 2,
        (View.TAG, Grain.MONTH): 2,
    }
    assert len({cell.id for cell in cells}) == len(cells)
    assert {cell.dimensions.user for cell in cells if cell.view is not View.DETAIL} == {None}


@given(
    st.lists(st.sampled_from(["a", "b", None]), min_size=2, max_size=2),
    st.lists(st.sampled_from(["a", "b", None]), min_size=2, max_size=2),
)
def test_cells_of_different_dimensions_have_different_ids(some: list[str | None], other: list[str | None]) -> None:
    ids = {
        next(iter(cells_of(entry_of(event(user=user, application=application), per_token(event()), NOW), "UTC"))).id
        for user, application in (some, other)
    }

    assert len(ids) == len({tuple(some), tuple(other)})


def test_dimensions_are_stored_without_what_there_is_not() -> None:
    dimensions = Dimensions("search", model="gpt-4o")

    stored = dimensions.to_json()
    assert Dimensions.from_json(stored) == dimensions
    assert stored == {"team": "search", "type": "usage", "currency": "USD", "model": "gpt-4o", "capacity": "standard"}


def test_cells_are_grouped_by_dimensions() -> None:
    entries = [entry_of(event(user=user), per_token(event()), NOW) for user in ("ada", "ada", None)]
    cells = [Cell(next(iter(cells_of(entry, "UTC"))), entry.counted()) for entry in entries]

    groups = grouped(cells, "user", "team")
    assert {key: sums["requests"] for key, sums in groups.items()} == {("ada", "search"): 2, (None, "search"): 1}


def test_a_window_names_its_utc_months() -> None:
    window = Window("", datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

    assert list(months_of(window)) == ["2026-10", "2026-11", "2026-12"]


def test_the_partition_of_an_entry_is_a_month_of_utc_whatever_the_zone_of_its_time() -> None:
    at = datetime(2026, 11, 1, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    assert entry_of(event(at=at), per_token(event()), NOW).partition == "search|2026-10"
