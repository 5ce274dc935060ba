import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.finance.report import Column, Kind, ReportRefused, Row, Table, bounded, check, percent

COLUMNS = (Column("team", "Team"), Column("cost", "Cost", Kind.MONEY), Column("share", "Share", Kind.PERCENT))


def a_table(rows: list[Row]) -> Table:
    return Table("t", "T", COLUMNS, rows, {"cost": "cost"}, totals=("cost",), grouped_by="team")


def test_a_table_that_does_not_add_up_is_refused_with_both_figures() -> None:
    with pytest.raises(ReportRefused, match=r"column cost of the table t comes to 1\.5, the ledger to 2"):
        check(a_table([("a", 1_500_000_000, None)]), {"cost": 2_000_000_000})


def test_groups_of_several_rows_have_subtotals_and_everything_a_total() -> None:
    lines = list(a_table([("a", 1, 50), ("a", 2, 50), ("b", 4, 50)]).lines())

    assert [(line.row, line.is_total) for line in lines] == [
        (("a", 1, 50), False),
        (("a", 2, 50), False),
        (("Subtotal a", 3, None), True),
        (("b", 4, 50), False),
        (("Total", 7, None), True),
    ]


@given(st.lists(st.integers(-(10**15), 10**15), max_size=20), st.integers(2, 10))
def test_a_limited_table_still_adds_up_and_says_so(costs: list[int], most: int) -> None:
    rows: list[Row] = [(f"team-{n}", cost, None) for n, cost in enumerate(costs)]

    limited = bounded(a_table(rows), rows, most)

    check(limited, {"cost": sum(costs)})
    assert len(list(limited.rows)) <= most
    assert (limited.note is not None) == (len(rows) > most)


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [(1, 3, 3333), (2, 3, 6667), (0, 5, 0), (5, 5, 10_000), (1, 0, None), (-1, 4, None), (1, -4, None)],
)
def test_a_share_is_in_hundredths_of_a_percent(part: int, whole: int, share: int | None) -> None:
    assert percent(part, whole) == share
