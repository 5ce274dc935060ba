"""Charts as SVG inside a page: bars and lines, with their figures as text, and without a script."""

from html import escape

from shared.finance.formats.text import shown
from shared.finance.report import Chart, Row, Table

_WIDTH, _BAR, _GAP, _LABELS, _FIGURES = 720, 20, 8, 200, 110
_HEIGHT = 220
_LONGEST = 28


def drawn(chart: Chart, table: Table) -> str:
    """Return the chart, or nothing where there is nothing to draw."""
    label, value = table.index(chart.label), table.index(chart.value)
    points = [(row, number) for row in table.rows if isinstance(number := row[value], int)]
    if chart.is_line:
        return _line(chart, table, label, value, points) if len(points) > 1 else ""
    bars = [(row, number) for row, number in points[: chart.most] if number > 0]
    credits = [(row, number) for row, number in points if number < 0]
    return _bars(chart, table, label, value, bars + credits[-chart.most :]) if bars or credits else ""


def _bars(chart: Chart, table: Table, label: int, value: int, bars: list[tuple[Row, int]]) -> str:
    """Credits have their figure and no bar: a length would say how much was spent."""
    longest = max(number for _, number in bars)
    room = _WIDTH - _LABELS - _FIGURES
    parts = []
    for place, (row, number) in enumerate(bars):
        top = place * (_BAR + _GAP)
        name = shown(row[label], table.columns[label])
        short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        width = max(1, room * number // longest) if number > 0 else 0
        parts.append(
            f'<text x="{_LABELS - 8}" y="{top + 15}" text-anchor="end">{escape(short)}</text>'
            f'<rect class="bar" x="{_LABELS}" y="{top}" width="{width}" height="{_BAR}"/>'
            f'<text x="{_LABELS + width + 6}" y="{top + 15}">{escape(shown(number, table.columns[value]))}</text>'
        )
    return _framed(chart, len(bars) * (_BAR + _GAP), "".join(parts))


def _line(chart: Chart, table: Table, label: int, value: int, points: list[tuple[Row, int]]) -> str:
    numbers = [number for _, number in points]
    low, high = min(0, *numbers), max(1, *numbers)
    room = _WIDTH - _FIGURES
    places = [
        f"{place * room // (len(points) - 1)},{10 + (_HEIGHT - 40) * (high - number) // (high - low)}"
        for place, number in enumerate(numbers)
    ]
    first, last = (shown(points[end][0][label], table.columns[label]) for end in (0, -1))
    figure = shown(numbers[-1], table.columns[value])
    body = (
        f'<polyline class="line" points="{" ".join(places)}"/>'
        f'<text x="0" y="{_HEIGHT - 6}">{escape(first)}</text>'
        f'<text x="{room}" y="{_HEIGHT - 6}" text-anchor="end">{escape(last)}</text>'
        f'<text x="{room + 6}" y="{places[-1].split(",")[1]}">{escape(figure)}</text>'
    )
    return _framed(chart, _HEIGHT, body)


def _framed(chart: Chart, height: int, body: str) -> str:
    title = escape(chart.title)
    return (
        f'<figure><figcaption>{title}</figcaption><svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{title}; the figures are in the table below">{body}</svg></figure>'
    )
