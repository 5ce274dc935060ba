"""FOCUS 1.2: the columns that must be there and the rules that rows keep. `focus-validator` itself is asked by `make soak`."""

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from shared.finance.building import Builder, rows_of
from shared.finance.facts import Days
from shared.finance.formats.csv import render
from shared.finance.model import ReportConfig, ReportKind
from shared.ledger.model import Entry, EntryType
from tests.shared.finance.books import FixedBooks, MemoryLedger, busy_month, entry, month
from tests.shared.finance.made import GENERATED_AT, ORIGIN

_MANDATORY = (
    "BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory ChargeClass "
    "ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName ListCost PricingQuantity "
    "PricingUnit ProviderName PublisherName ServiceCategory ServiceName"
)
MANDATORY = _MANDATORY.split()
NEVER_NULL = [name for name in MANDATORY if name not in ("ChargeClass", "PricingQuantity", "PricingUnit")]
APPLICABLE = (
    "ACCOUNT_NAMING_SUPPORTED,SUB_ACCOUNT_SUPPORTED,TAGGING_SUPPORTED,USAGE_MEASUREMENT_SUPPORTED,UNIT_PRICING_SUPPORTED,"
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED,BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED,MULTIPLE_PRICING_CATEGORIES_SUPPORTED"
)
CONTRADICTION = "InvoiceId-C-005-C"
"""That InvoiceId is never null; its neighbour C-004 asks, as unconditionally, that it always is."""


async def exported(tmp_path: Path, entries: list[Entry], period: Days | None = None) -> list[dict[str, str]]:
    period = period or month()
    definition = ReportConfig(name="focus", kind=ReportKind.FOCUS)
    builder = Builder(MemoryLedger(entries, period.time_zone), FixedBooks(), ORIGIN)
    with rows_of(definition, period.time_zone) as rows:
        made = await builder.build(definition, period, "run", GENERATED_AT, rows, lambda _: None)
        assert "focus.csv" in {path.name for path in render(made.report, tmp_path)}
    with (tmp_path / "focus.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_mandatory_columns_are_there_and_filled(tmp_path: Path) -> None:
    rows = await exported(tmp_path, busy_month())

    assert rows
    assert set(MANDATORY) <= set(rows[0])
    assert not [name for row in rows for name in NEVER_NULL if not row[name]]


async def test_rows_come_to_the_ledger_and_all_four_costs_are_the_same(tmp_path: Path) -> None:
    rows = await exported(tmp_path, busy_month())

    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("9.050000008")
    for row in rows:
        assert len({row[f"{kind}Cost"] for kind in ("Billed", "Effective", "Contracted", "List")}) == 1
        assert "." in row["BilledCost"]


async def test_usage_has_quantities_and_adjustments_have_none(tmp_path: Path) -> None:
    rows = await exported(tmp_path, busy_month())
    by_category: dict[str, list[dict[str, str]]] = {"Usage": [], "Adjustment": []}
    for row in rows:
        by_category[row["ChargeCategory"]].append(row)

    assert by_category["Usage"]
    assert by_category["Adjustment"]
    for row in by_category["Usage"]:
        if row["SkuMeter"] != "other":
            assert row["ConsumedQuantity"]
            assert row["ConsumedUnit"]
    for row in by_category["Adjustment"]:
        assert not row["ConsumedQuantity"] + row["PricingQuantity"] + row["SkuId"] + row["SkuPriceId"]


async def test_a_row_says_what_was_bought_by_whom(tmp_path: Path) -> None:
    (row, _) = await exported(tmp_path, [busy_month()[0]])

    assert (
        row
        | {
            "SkuMeter": "input_fresh",
            "PricingUnit": "1000000 Tokens",
            "PricingQuantity": "0.001",
            "ConsumedUnit": "Tokens",
            "ConsumedQuantity": "1000.0",
            "BilledCost": "0.50",
            "ResourceId": "east",
            "SubAccountId": "search",
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": "Azure OpenAI",
            "ChargePeriodStart": "2026-11-15T00:00:00Z",
            "ChargePeriodEnd": "2026-11-16T00:00:00Z",
            "BillingPeriodStart": "2026-11-01T00:00:00Z",
            "BillingPeriodEnd": "2026-12-01T00:00:00Z",
        }
        == row
    )
    assert json.loads(row["Tags"]) == {"cost_center": "R&D", "project": "apollo", "application": "chat", "user": "ada"}


async def test_units_that_are_no_tokens_are_what_they_are(tmp_path: Path) -> None:
    sums = {"requests": 1, "units.audio_ms": 90_500, "units.images": 2}
    rows = await exported(tmp_path, [entry("1", 30, sums=sums, lines={"audio_ms": 10, "images": 20})])

    found = {row["SkuMeter"]: (row["ConsumedQuantity"], row["ConsumedUnit"], row["PricingUnit"]) for row in rows}
    assert found == {"audio_ms": ("90.5", "Seconds", "Seconds"), "images": ("2.0", "Images", "Images")}


async def test_days_are_those_of_the_reporting_time_zone_also_when_the_clocks_change(tmp_path: Path) -> None:
    october = month(datetime(2026, 10, 15, tzinfo=UTC), "Europe/Berlin")
    rows = await exported(tmp_path, [entry("1", at=datetime(2026, 10, 25, 12, tzinfo=UTC))], october)

    assert {(row["ChargePeriodStart"], row["ChargePeriodEnd"], row["BillingPeriodEnd"]) for row in rows} == {
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-31T23:00:00Z")
    }


async def test_what_has_no_price_is_no_row_of_zero(tmp_path: Path) -> None:
    assert await exported(tmp_path, [entry("1", None, unpriced=("price",))]) == []


async def test_no_column_is_ours_without_saying_so(tmp_path: Path) -> None:
    rows = await exported(tmp_path, [entry("1")])

    assert {name for name in rows[0] if name[0].islower()} == {"x_Model", "x_Processing", "x_ServiceTier", "x_Capacity"}


def varied() -> Iterator[Entry]:
    """Return what a busy month might hold, in every combination."""
    yield from busy_month()
    for number in range(200):
        yield entry(
            f"v{number}",
            1_000_003 * (number + 1),
            datetime(2026, 11, 1 + number % 30, number % 24, tzinfo=UTC),
            team=("search", "sales", "ops")[number % 3],
            model=("gpt-4.1", "o4")[number % 2],
            provider=("azure_openai", "openai")[number % 2],
            region="global",
            tier=("default", "batch")[number % 5 == 0],
            user=f"user-{number % 7}",
            type=EntryType.ADJUSTMENT if number % 19 == 0 else EntryType.USAGE,
        )


@pytest.mark.slow
def test_the_public_validator_finds_nothing_but_its_own_contradiction(tmp_path: Path) -> None:
    asyncio.run(exported(tmp_path, list(varied())))
    python = _validator(tmp_path)
    site = next((python.parents[1] / "lib").glob("python3*/site-packages"))
    command = [str(python.with_name("focus-validator")), "--data-file", str(tmp_path / "focus.csv")]
    options = ["--validate-version", "1.2.0.1", "--block-download", "--focus-dataset", "CostAndUsage"]
    # It looks for its list of currencies from where it is started.
    done = subprocess.run(
        [*command, *options, "--applicability-criteria", APPLICABLE],
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    passed = [line for line in lines if ": PASS" in line]
    failed = {line.split()[1].rstrip(":") for line in lines if ": FAIL" in line}
    print(f"focus-validator: {len(passed)} passed, failed: {', '.join(sorted(failed))}")

    assert len(passed) > 200
    assert failed == {CONTRADICTION}


def _validator(tmp_path: Path) -> Path:
    """Return the interpreter of an environment with focus-validator 2.2.1: the one named, or a new one from PyPI."""
    if given := os.environ.get("FOCUS_VALIDATOR_VENV"):
        return Path(given) / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    # Newer releases of pyarrow need a numpy that the validator does not allow.
    subprocess.run([str(python), "-m", "pip", "install", "-q", "focus-validator==2.2.1", "pyarrow<22"], check=True)
    return python
