"""The reports that there are: what each is called, which dimensions it needs, and how its tables are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.finance.facts import Facts
from shared.finance.model import ReportKind
from shared.finance.report import Table
from shared.finance.statements import (
    chargeback,
    error_hotspots,
    forecast,
    model_mix,
    savings,
    showback,
    top_talkers,
)


@dataclass(frozen=True, slots=True)
class Statement:
    title: str
    dimensions: tuple[str, ...]
    tables: Callable[[Facts], tuple[Table, ...]]


STATEMENTS: Mapping[ReportKind, Statement] = {
    ReportKind.CHARGEBACK: Statement("Chargeback statement", chargeback.DIMENSIONS, chargeback.tables),
    ReportKind.SHOWBACK: Statement("Showback", showback.DIMENSIONS, showback.tables),
    ReportKind.TOP_TALKERS: Statement("Top talkers", top_talkers.DIMENSIONS, top_talkers.tables),
    ReportKind.MODEL_MIX: Statement("Model mix", model_mix.DIMENSIONS, model_mix.tables),
    ReportKind.ERROR_HOTSPOTS: Statement("Error hotspots", error_hotspots.DIMENSIONS, error_hotspots.tables),
    ReportKind.SAVINGS: Statement("Savings", savings.DIMENSIONS, savings.tables),
    ReportKind.FORECAST: Statement("Forecast", forecast.DIMENSIONS, forecast.tables),
    # Its rows go by the reader in a stream; only their total is kept.
    ReportKind.FOCUS: Statement("FOCUS Cost and Usage", ("team",), lambda _: ()),
}
