import re

from shared.finance.formats.svg import drawn
from shared.finance.report import Chart, Column, Kind, Table

CHART = Chart("Cost by team", "team", "cost")


def table(*costs: int) -> Table:
    columns = (Column("team", "Team"), Column("cost", "Cost", Kind.MONEY))
    return Table(
        "teams", "Teams", columns, [(f"team-{place}", cost) for place, cost in enumerate(costs)], charts=(CHART,)
    )


def test_credits_are_listed_with_their_figure_and_without_a_bar() -> None:
    page = drawn(CHART, table(3_000_000_000, -2_000_000_000))

    assert [int(width) > 0 for width in re.findall(r'class="bar"[^>]* width="(\d+)"', page)] == [True, False]
    assert ">team-1<" in page
    assert ">-2.00<" in page


def test_nothing_but_credits_is_listed_too() -> None:
    assert ">-2.00<" in drawn(CHART, table(-1_000_000_000, -2_000_000_000))


def test_the_credits_that_are_largest_are_not_cut_off() -> None:
    page = drawn(CHART, table(*range(20_000_000_000, 0, -1_000_000_000), -1_000_000_000))

    assert page.count("<rect") == CHART.most + 1
    assert ">-1.00<" in page


def test_where_nothing_was_spent_there_is_no_chart() -> None:
    assert drawn(CHART, table(0, 0)) == ""
