"""A page to print: one file that fetches nothing and runs nothing, with the warnings first and every text escaped."""

from collections.abc import Iterator
from html import escape
from itertools import islice
from pathlib import Path

from shared.finance.formats.svg import drawn
from shared.finance.formats.text import shown
from shared.finance.report import Line, Report, Table

MOST_LINES = 1000

_STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.45 system-ui, sans-serif; color: #16202a; background: #fff; margin: 2rem auto; max-width: 1100px; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.subtitle, .note { color: #46535f; margin: .25rem 0 .75rem; }
.warnings { border-left: 4px solid #a15c00; background: #fff6e5; padding: .6rem 1rem .6rem 2rem; margin: 1rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d5dbe1; vertical-align: top; }
td { overflow-wrap: anywhere; min-width: 4em; }
th { background: #eef2f5; font-weight: 600; }
.n { text-align: right; white-space: nowrap; min-width: 0; }
tr.total td, tr.total th { font-weight: 600; background: #f6f8fa; border-top: 1px solid #7c8894; }
figure { margin: 1rem 0; }
figcaption { font-weight: 600; margin-bottom: .4rem; }
svg { width: 100%; max-width: 720px; height: auto; font: 12px system-ui, sans-serif; fill: #16202a; }
.bar { fill: #1f6f8b; }
.line { fill: none; stroke: #1f6f8b; stroke-width: 2; }
@media print {
  @page { margin: 14mm; }
  body { font-size: 10px; margin: 0; max-width: none; padding: 0; }
  thead { display: table-header-group; }
  tr, figure, .warnings { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
}
"""


def render(report: Report, directory: Path) -> Iterator[Path]:
    path = directory / "report.html"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_page(report))
    yield path


def _page(report: Report) -> Iterator[str]:
    title, subtitle = escape(report.title), escape(report.subtitle)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{title}: {subtitle}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n"
        f'<h1>{title}</h1>\n<p class="subtitle">{subtitle}, amounts in {escape(report.currency)}</p>\n</header>\n'
    )
    if report.warnings:
        items = "".join(f"<li>{escape(warning)}</li>" for warning in report.warnings)
        yield f'<ul class="warnings" aria-label="Before you use these figures">{items}</ul>\n'
    for table in report.all_tables:
        yield from _section(table)
    yield "</main>\n</body>\n</html>\n"


def _section(table: Table) -> Iterator[str]:
    name = escape(table.name)
    yield f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escape(table.title)}</h2>\n'
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>\n'
    yield from (drawn(chart, table) for chart in table.charts)
    yield '<div class="scroll"><table>\n<thead><tr>'
    yield from (f'<th scope="col"{_aligned(c.kind.is_number)}>{escape(c.title)}</th>' for c in table.columns)
    yield "</tr></thead>\n<tbody>\n"
    lines = table.lines()
    yield from (_line(line, table) for line in islice(lines, MOST_LINES))
    left, last = _rest(lines)
    if left:
        note = f"{left} further rows are in the other formats; the total counts them."
        yield f'<tr><td colspan="{len(table.columns)}">{note}</td></tr>\n'
    if last is not None:
        yield _line(last, table)
    yield "</tbody>\n</table></div>\n</section>\n"


def _rest(lines: Iterator[Line]) -> tuple[int, Line | None]:
    """Return how many rows are left, and the total if it is among them."""
    left, last = 0, None
    for line in lines:
        left += not line.is_total
        last = line
    return left, last if last is not None and last.is_total else None


def _line(line: Line, table: Table) -> str:
    cells = []
    for place, (value, column) in enumerate(zip(line.row, table.columns, strict=True)):
        is_named = place == 0 and line.is_total
        text = "" if value is None and line.is_total else shown(value, column)
        tag = 'th scope="row"' if is_named else "td"
        is_number = column.kind.is_number and not is_named
        cells.append(f"<{tag}{_aligned(is_number)}>{escape(text)}</{tag[:2]}>")
    return f"<tr{' class="total"' if line.is_total else ''}>{''.join(cells)}</tr>\n"


def _aligned(is_number: bool) -> str:
    return ' class="n"' if is_number else ""
