"""Names stand beside ids, and the manifest holds those that were used."""

import csv
import io
import re
import zipfile
from typing import Any

import orjson
import pytest

from shared.finance.model import ReportConfig, ReportKind
from shared.finance.naming import addresses_in, named
from shared.finance.ports import GivenNames
from shared.finance.report import Column, Table
from shared.finance.service import Made, ReportService
from tests.shared.finance.books import FixedBooks, MemoryLedger, MemoryReports, busy_month, month
from tests.shared.finance.formats.hostile import HOSTILE
from tests.shared.finance.made import GENERATED_AT, ORIGIN
from tests.shared.finance.test_service import signer

NAMES = {"teams/search": "Search & Discovery", "teams/sales": "=1+1", "teams/nobody": "Nobody"}


async def make(storage: MemoryReports, kind: ReportKind, names: dict[str, str]) -> Made:
    ledger = MemoryLedger(busy_month())
    service = ReportService(ledger, FixedBooks(), storage, signer, lambda: ORIGIN, GivenNames(names))
    return await service.run(
        ReportConfig(name="bill", kind=kind), month(), "run_1", GENERATED_AT, "2026-11/bill/run_1/1", lambda *_: None
    )


def lines(storage: MemoryReports, file: str) -> list[str]:
    return storage.files[f"2026-11/bill/run_1/1/{file}"].decode("utf-8-sig").splitlines()


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        (ReportKind.CHARGEBACK, "statement.csv"),
        (ReportKind.SHOWBACK, "teams.csv"),
        (ReportKind.TOP_TALKERS, "teams.csv"),
    ],
)
async def test_the_names_of_teams_stand_beside_their_ids(kind: ReportKind, file: str) -> None:
    storage = MemoryReports()

    await make(storage, kind, NAMES)

    head, *rows = lines(storage, file)
    assert "team,team_name" in head
    assert any("search,Search & Discovery," in row for row in rows)
    assert any("sales,'=1+1," in row for row in rows)
    assert any("ops,," in row for row in rows)


async def test_the_manifest_holds_the_names_that_were_used_and_no_others() -> None:
    storage = MemoryReports()

    made = await make(storage, ReportKind.SHOWBACK, NAMES)

    used = {"teams/search": "Search & Discovery", "teams/sales": "=1+1"}
    assert made.manifest.names == used
    told: Any = orjson.loads(storage.files["2026-11/bill/run_1/1/manifest.json"])
    assert told["manifest"]["names"] == used


@pytest.mark.parametrize("kind", ReportKind)
async def test_after_a_renaming_the_names_of_the_manifest_make_the_same_bytes(kind: ReportKind) -> None:
    first, again = MemoryReports(), MemoryReports()
    made = await make(first, kind, NAMES)

    await make(again, kind, dict(made.manifest.names))

    assert again.files == first.files
    renamed = await make(MemoryReports(), ReportKind.SHOWBACK, {"teams/search": "Find"})
    assert renamed.manifest.names == {"teams/search": "Find"}


@pytest.mark.parametrize("kind", [ReportKind.CHARGEBACK, ReportKind.SHOWBACK])
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_that_is_meant_to_do_harm_changes_no_figure(kind: ReportKind, name: str) -> None:
    plain = await make(MemoryReports(), kind, {})
    storage = MemoryReports()

    made = await make(storage, kind, {"teams/search": name})

    assert made.manifest.totals == plain.manifest.totals
    page = storage.files["2026-11/bill/run_1/1/report.html"].decode()
    assert "<script" not in page


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_name_of_a_team_is_a_formula(name: str) -> None:
    storage = MemoryReports()
    await make(storage, ReportKind.SHOWBACK, {"teams/search": name})
    folder = "2026-11/bill/run_1/1"

    table = list(csv.reader(io.StringIO(storage.files[f"{folder}/teams.csv"].decode("utf-8-sig"), newline="")))
    shown = {row[table[0].index("team_name")] for row in table[1:]}
    # A number is none: "-1" is what it says.
    assert not [text for text in shown - {"-1"} if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    with zipfile.ZipFile(io.BytesIO(storage.files[f"{folder}/report.xlsx"])) as book:
        sheets = [book.read(file).decode() for file in book.namelist() if file.startswith("xl/worksheets/sheet")]
    formulas = [formula for sheet in sheets for formula in re.findall("<f[^>]*>(.*?)</f>", sheet)]
    assert not [formula for formula in formulas if "HYPERLINK" in formula or "1+1" in formula]
    assert not any("<hyperlink" in sheet for sheet in sheets)


async def test_focus_has_the_columns_of_the_specification_whatever_teams_are_called() -> None:
    named_so, nameless = MemoryReports(), MemoryReports()

    made = await make(named_so, ReportKind.FOCUS, NAMES)
    await make(nameless, ReportKind.FOCUS, {})

    assert made.manifest.names == {}
    assert named_so.files == nameless.files


def test_areas_have_names_too_and_what_is_no_id_has_none() -> None:
    columns = (Column("area", "Area"), Column("team", "Team"), Column("cost", "Cost"))
    table = Table("t", "T", columns, [("retail", "a", 1), (None, "(2 others)", 2)])
    other = Table("o", "O", (Column("model", "Model"),), [("gpt",)])

    found, same = named((table, other), {"areas/retail": "Retail", "teams/a": "Team A"})

    assert [column.name for column in found.columns] == ["area", "area_name", "team", "team_name", "cost"]
    assert list(found.rows) == [("retail", "Retail", "a", "Team A", 1), (None, None, "(2 others)", None, 2)]
    assert same is other
    assert addresses_in((table, other)) == {"areas/retail", "teams/a", "teams/(2 others)"}
