"""Cells are used only where they fit into a stretch of time without a rest."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger.model import Grain
from shared.reconciliation.spending import counted, grain_for
from shared.windows import Window
from tests.shared.reconciliation.books import NOON, Books

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "hours", "grain"),
    [("UTC", 720, Grain.MONTH), ("UTC", 24, Grain.DAY), ("UTC", 5, Grain.HOUR), ("Asia/Kolkata", 24, None)],
)
def test_the_longest_grain_that_fits_is_taken(zone: str, hours: int, grain: Grain | None) -> None:
    assert grain_for(Window("", MIDNIGHT, MIDNIGHT + timedelta(hours=hours)), zone) is grain


@settings(max_examples=30)
@given(
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]),
    start=st.integers(-48, 48),
    half_hours=st.integers(1, 200),
)
async def test_any_stretch_of_time_counts_what_the_entries_say(zone: str, start: int, half_hours: int) -> None:
    books = Books(time_zone=zone)
    await books.use(*range(0, 400, 40))
    begin = NOON + timedelta(minutes=30 * start)
    window = Window("", begin, begin + timedelta(minutes=30 * half_hours))

    cost = sum([sums["cost"] async for _, sums in counted(books.store, window, zone)])

    assert cost == sum([entry.cost or 0 async for entry in books.store.entries(window)])
