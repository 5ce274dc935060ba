"""The report: one table, the same columns for everyone, in Markdown that also reads well in a terminal."""

from collections.abc import Mapping, Sequence

COLUMNS = {
    "add_p50": ("add P50 ms", ".2f"),
    "add_p95": ("add P95 ms", ".2f"),
    "add_p99": ("add P99 ms", ".2f"),
    "first_p50": ("first byte P50 ms", ".2f"),
    "first_p95": ("first byte P95 ms", ".2f"),
    "cpu_ms_request": ("CPU ms/request", ".3f"),
    "requests_s": ("requests/s", ",.0f"),
    "cpu_ms_stream": ("CPU ms/stream", ".2f"),
    "cpu_ms_burst": ("in bursts", ".2f"),
    "streams_s": ("streams/s", ",.0f"),
    "events_s": ("events/s", ",.0f"),
    "rss_mb": ("RSS MB", ".0f"),
    "start_s": ("start s", ".2f"),
    "start_cpu_s": ("start CPU s", ".2f"),
}


def render(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table; a figure that was not measured shows as `-`."""
    lines = [["", *(title for title, _ in COLUMNS.values())]]
    lines += [
        [name, *(_cell(figures.get(key), form) for key, (_, form) in COLUMNS.items())] for name, figures in rows.items()
    ]
    return grid(lines)


def grid(lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table of the lines, the first of which is its head; numbers to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join("| " + " | ".join(_pad(line, widths)) + " |" for line in [lines[0], rule, *lines[1:]])


def _pad(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = line
    return [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]


def _cell(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)
