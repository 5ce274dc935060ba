"""What has no price is not shown as if it cost nothing."""

from datetime import timedelta

import pytest

from shared.finance.model import ReportKind
from tests.shared.finance.books import entry
from tests.shared.finance.made import dicts, report_of
from tests.shared.ledger.synthetic import MORNING


@pytest.mark.parametrize("kind", [ReportKind.TOP_TALKERS, ReportKind.FORECAST, ReportKind.SHOWBACK])
async def test_where_nothing_has_a_price_there_is_no_cost(kind: ReportKind) -> None:
    entries = [
        entry(str(n), None, unpriced=("price",), team="sales", user="eve", at=MORNING - timedelta(days=n))
        for n in range(12)
    ]

    report = await report_of(kind, entries)

    column = "spent" if kind is ReportKind.FORECAST else "cost"
    for table in report.tables[:2]:
        assert [row[column] for row in dicts(table)] == [None]
