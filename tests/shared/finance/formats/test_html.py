from html.parser import HTMLParser
from pathlib import Path

import pytest

from shared.finance.formats import html
from shared.finance.formats.html import render
from shared.finance.model import ReportKind
from tests.shared.finance.formats.hostile import HOSTILE, hostile_report, written

VOID = {"meta", "link", "br", "img", "input", "rect", "polyline"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def page_of(tmp_path: Path, kind: ReportKind = ReportKind.CHARGEBACK) -> tuple[str, Page]:
    text = written(render, await hostile_report(kind), tmp_path)["report.html"].read_text(encoding="utf-8")
    return text, Page(text)


@pytest.mark.parametrize("kind", [kind for kind in ReportKind if kind is not ReportKind.FOCUS])
async def test_a_page_is_whole_and_nothing_in_it_runs_or_fetches(tmp_path: Path, kind: ReportKind) -> None:
    text, page = await page_of(tmp_path, kind)

    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "a", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("href", "src", "style")]
    assert "default-src 'none'" in text


async def test_every_hostile_name_is_text(tmp_path: Path) -> None:
    _, page = await page_of(tmp_path)

    assert set(HOSTILE) <= set(page.texts)


async def test_the_warnings_stand_before_any_figure(tmp_path: Path) -> None:
    text, _ = await page_of(tmp_path)

    assert 0 < text.index("request has no price yet") < text.index("<table")


async def test_a_chart_tells_the_blind_where_its_figures_are(tmp_path: Path) -> None:
    text, page = await page_of(tmp_path, ReportKind.FORECAST)

    assert page.tags.count("svg") >= 1
    assert 'role="img" aria-label="Expected by team; the figures are in the table below"' in text
    assert page.attributes.count(("scope", "col")) > 10


async def test_a_long_table_is_cut_with_a_word_about_it_and_its_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "MOST_LINES", 2)
    text, page = await page_of(tmp_path, ReportKind.MODEL_MIX)

    assert "further rows are in the other formats; the total counts them." in text
    assert page.texts.count("Total") == 3
