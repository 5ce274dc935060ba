from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest

from shared.finance.formats.xlsx import render
from shared.finance.model import ReportKind
from tests.shared.finance.formats.hostile import HOSTILE, hostile_report, written

NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


async def parts_of(tmp_path: Path, kind: ReportKind = ReportKind.CHARGEBACK) -> dict[str, bytes]:
    path = written(render, await hostile_report(kind), tmp_path)["report.xlsx"]
    with ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def sheets(parts: dict[str, bytes]) -> dict[str, ElementTree.Element]:
    book = ElementTree.fromstring(parts["xl/workbook.xml"])
    names = [sheet.attrib["name"] for sheet in book.iterfind("m:sheets/m:sheet", NS)]
    return {
        name: ElementTree.fromstring(parts[f"xl/worksheets/sheet{number}.xml"]) for number, name in enumerate(names, 1)
    }


def texts(sheet: ElementTree.Element) -> list[str]:
    return ["".join(each.itertext()) for each in sheet.iterfind(".//m:is", NS)]


@pytest.mark.parametrize("kind", [kind for kind in ReportKind if kind is not ReportKind.FOCUS])
async def test_a_workbook_has_no_formula_no_link_and_no_macro(tmp_path: Path, kind: ReportKind) -> None:
    parts = await parts_of(tmp_path, kind)

    for sheet in sheets(parts).values():
        assert sheet.findall(".//m:f", NS) == []
        assert sheet.findall(".//m:hyperlink", NS) == []
    assert not [name for name in parts if "vba" in name.lower() or "external" in name.lower()]


async def test_hostile_names_are_plain_text(tmp_path: Path) -> None:
    found = texts(sheets(await parts_of(tmp_path))["Details"])

    # Spreadsheets escape control characters in their own way.
    assert {text for text in HOSTILE if "\t" not in text} <= set(found)


async def test_the_first_sheet_warns_and_every_head_is_frozen(tmp_path: Path) -> None:
    found = sheets(await parts_of(tmp_path))

    assert list(found) == ["About", "Cost centers", "Statement", "Details", "Coverage"]
    assert any("request has no price yet" in text for text in texts(found["About"])[:4])
    for sheet in found.values():
        pane = sheet.find("m:sheetViews/m:sheetView/m:pane", NS)
        assert pane is not None
        assert pane.attrib["state"] == "frozen"


async def test_numbers_are_numbers_with_a_format(tmp_path: Path) -> None:
    parts = await parts_of(tmp_path)
    styles = ElementTree.fromstring(parts["xl/styles.xml"])
    formats = {each.attrib["formatCode"] for each in styles.iterfind("m:numFmts/m:numFmt", NS)}
    numbers = [each.text for each in sheets(parts)["Statement"].iterfind(".//m:c/m:v", NS)]

    assert "#,##0.00####" in formats
    assert {"0.25", "2.000000001", "-0.5"} <= set(numbers)


async def test_tables_with_bars_have_a_chart_of_their_cells(tmp_path: Path) -> None:
    parts = await parts_of(tmp_path, ReportKind.FORECAST)

    charts = [content.decode() for name, content in parts.items() if name.startswith("xl/charts/")]
    assert len(charts) == 2
    assert any("Days!$C$" in chart for chart in charts)


async def test_what_two_runs_write_is_the_same_to_the_byte(tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        contents.append(written(render, await hostile_report(), tmp_path / name)["report.xlsx"].read_bytes())

    assert contents[0] == contents[1]
