from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.finance.facts import Days
from shared.finance.gathering import TRIES
from shared.finance.model import ReportKind
from shared.finance.report import ReportRefused
from shared.ledger.model import Entry, EntryType
from shared.windows import Window
from tests.shared.finance.books import MemoryLedger, busy_month, entry, month
from tests.shared.finance.made import built, column, table

BERLIN = "Europe/Berlin"
KINDS = [kind for kind in ReportKind if kind is not ReportKind.FOCUS]

entries = st.lists(
    st.builds(
        entry,
        st.uuids().map(str),
        st.one_of(st.none(), st.integers(-(10**12), 10**12)),
        st.integers(0, 41 * 86_400).map(
            lambda seconds: datetime(2026, 10, 25, tzinfo=UTC) + timedelta(seconds=seconds)
        ),
        team=st.sampled_from(["a", "b"]),
        cost_center=st.sampled_from([None, "x", "=y"]),
        application=st.sampled_from([None, "app"]),
        user=st.sampled_from([None, "ada"]),
        type=st.sampled_from(EntryType),
        model=st.sampled_from([None, "m", "@n"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(entries, st.sampled_from(KINDS), st.sampled_from(["UTC", BERLIN]))
async def test_every_statement_comes_to_what_the_entries_of_its_days_come_to(
    given_entries: list[Entry], kind: ReportKind, time_zone: str
) -> None:
    period = month(time_zone=time_zone)
    ledger = MemoryLedger(given_entries, time_zone)
    made = await built(kind, ledger, period)

    within = [each for each in given_entries if period.window.holds(each.at)]
    assert made.facts.total.get("cost", 0) == sum(each.cost or 0 for each in within)
    assert made.facts.total.get("entries", 0) == len(within)
    assert made.facts.total.get("unpriced", 0) == sum(each.cost is None for each in within)
    for found in made.report.tables:
        if "cost" in found.adds_up:
            assert sum(cost or 0 for cost in column(found, "cost")) == sum(each.cost or 0 for each in within)  # type: ignore[misc]


async def test_days_that_are_no_whole_month_are_read_by_the_day() -> None:
    start = datetime(2026, 11, 10, tzinfo=UTC)
    period = Days("2026-W46", Window("w", start, start + timedelta(days=7)), "UTC")
    inside = [entry("1", 5, start), entry("2", 6, start + timedelta(days=7, seconds=-1))]
    outside = [entry("3", 100, start - timedelta(seconds=1)), entry("4", 100, start + timedelta(days=7))]

    made = await built(ReportKind.SHOWBACK, MemoryLedger([*inside, *outside]), period)

    assert made.facts.total["cost"] == 11


async def test_a_month_with_a_change_of_clocks_has_its_own_hours() -> None:
    october = month(datetime(2026, 10, 15, tzinfo=UTC), BERLIN)
    first = entry("1", 1, datetime(2026, 9, 30, 22, tzinfo=UTC))
    last = entry("2", 2, datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC))
    after = entry("3", 4, datetime(2026, 10, 31, 23, tzinfo=UTC))

    made = await built(ReportKind.SHOWBACK, MemoryLedger([first, last, after], BERLIN), october)

    assert made.facts.total["cost"] == 3
    assert {month for _, month in made.facts.heads} == {"2026-09", "2026-10"}


async def test_days_that_are_not_whole_are_refused() -> None:
    start = datetime(2026, 11, 10, 1, tzinfo=UTC)
    period = Days("odd", Window("w", start, start + timedelta(days=1)), "UTC")

    with pytest.raises(ReportRefused, match="whole days"):
        await built(ReportKind.SHOWBACK, MemoryLedger(), period)


async def test_what_is_posted_while_a_team_is_read_is_in_the_report_whole_or_not_at_all() -> None:
    for at in range(1, 8):
        ledger = MemoryLedger(busy_month())
        readings = iter(range(1, 100))

        def post(ledger: MemoryLedger = ledger, readings: object = readings, at: int = at) -> None:
            if next(readings) == at:  # type: ignore[call-overload]
                ledger.post(entry("late", 77, team="ops", application="bot"))

        ledger.before_cells = post
        made = await built(ReportKind.CHARGEBACK, ledger)

        sequence = made.facts.heads["ops", "2026-11"].sequence
        assert made.facts.total["cost"] == 9_050_000_008 + (77 if sequence == 4 else 0), at


async def test_a_team_that_never_stands_still_is_refused_with_advice() -> None:
    ledger = MemoryLedger([entry("1")])
    numbers = iter(range(2, 1000))
    ledger.before_cells = lambda: ledger.post(entry(str(next(numbers))))

    with pytest.raises(ReportRefused, match="posted faster than it can be read; ask for days that are over"):
        await built(ReportKind.CHARGEBACK, ledger)
    assert next(numbers) < 3 * TRIES + 5


async def test_only_the_teams_that_were_asked_for_are_in_it() -> None:
    made = await built(ReportKind.CHARGEBACK, MemoryLedger(busy_month()), teams=("sales",))

    assert set(column(table(made.report, "statement"), "team")) == {"sales"}
    assert {team for team, _ in made.facts.heads} == {"sales"}


async def test_costs_in_two_currencies_are_never_added_up() -> None:
    ledger = MemoryLedger([entry("1"), entry("2", currency="EUR")])

    with pytest.raises(ReportRefused, match="several currencies: EUR, USD"):
        await built(ReportKind.CHARGEBACK, ledger)


async def test_a_month_without_anything_is_a_report_of_nothing() -> None:
    for kind in KINDS:
        made = await built(kind, MemoryLedger())

        assert made.facts.total == {}
        assert list(made.report.coverage.rows) == []
