import re
from decimal import Decimal
from itertools import pairwise

import pytest

from shared.console.charts import HEIGHT, Bar, bars

RECT = re.compile(r'<rect class="(\w+)" x="[0-9.]+" y="([0-9.]+)" width="[0-9.]+" height="([0-9.]+)"')
FIGURE = re.compile(r'<text class="tick" x="\d+" y="([0-9.]+)" text-anchor="end">([-0-9.]+)</text>')
LINE = re.compile(r'<line class="grid" x1="\d+" x2="\d+" y1="([0-9.]+)"')


def columns(*values: int | None) -> list[tuple[str, float, float]]:
    """The class, the upper edge and the height of each column."""
    items = [Bar(str(place), None if value is None else Decimal(value), "") for place, value in enumerate(values)]
    return [(kind, float(y), float(height)) for kind, y, height in RECT.findall(bars(items, "Cost by day"))]


def test_a_credit_stands_below_what_was_spent() -> None:
    (_, spent_y, spent), (_, credit_y, credit) = columns(10, -5)

    assert abs(spent - 2 * credit) < 0.2
    assert abs(credit_y - (spent_y + spent)) < 0.2
    assert credit_y + credit <= HEIGHT


@pytest.mark.parametrize(
    "values", [("0.076", "-12.5"), ("12.5", "-0.076"), ("0.3",), ("-7",), ("0",), (), ("999999.99", "-1")]
)
def test_the_figures_at_the_side_stand_apart_and_span_what_is_drawn(values: tuple[str, ...]) -> None:
    drawn = bars([Bar("", Decimal(value), "") for value in values], "Cost by day")
    figures = [(float(y), Decimal(text)) for y, text in FIGURE.findall(drawn)]
    heights = sorted(y for y, _ in figures)

    assert 2 <= len(figures) <= 7
    assert all(below - above >= 14 for above, below in pairwise(heights))
    assert min(figure for _, figure in figures) <= min(map(Decimal, (*values, "0")))
    assert max(figure for _, figure in figures) >= max(map(Decimal, (*values, "0")))


def test_nothing_but_credits_is_drawn_within_the_chart() -> None:
    ((kind, y, height),) = columns(-7)

    assert kind == "bar"
    assert height > 10
    assert y + height <= HEIGHT


def test_without_credits_the_line_of_zero_is_at_the_bottom() -> None:
    drawn = bars([Bar("a", Decimal(3), "")], "Cost by day")
    _, y, height = RECT.findall(drawn)[0]

    assert abs(max(map(float, LINE.findall(drawn))) - (float(y) + float(height))) < 0.2


def test_what_nobody_knows_is_a_mark_and_what_is_zero_is_nothing() -> None:
    assert [(kind, height) for kind, _, height in columns(4, None, 0)][1:] == [("unknown", 6.0), ("bar", 0.0)]
