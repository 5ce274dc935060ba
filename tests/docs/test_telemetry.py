"""The page on telemetry says just what the code tells."""

import json
import re
from pathlib import Path

from shared.telemetry.instruments import ALL
from shared.telemetry.logs import json_line
from shared.telemetry.spans import call_spans
from shared.telemetry.vocabulary import Models
from tests.shared.telemetry.recording import EVENT, ended

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "telemetry.md").read_text()
NAMES = re.compile(r"`([^`]+)`")


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def rows(heading: str) -> list[list[str]]:
    lines = [line for line in section(heading).splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_figure_is_documented_with_its_kind_and_attributes() -> None:
    documented = [(NAMES.findall(name)[0], kind, tuple(NAMES.findall(more))) for name, kind, more, _ in rows("Figures")]

    assert documented == [(each.name, f"{each.kind.value}, {each.unit}", each.attributes) for each in ALL]


def test_every_attribute_is_explained() -> None:
    explained = {name for cells in rows("Attributes") for name in NAMES.findall(cells[0])}
    mentioned = set(NAMES.findall(section("Attributes")))

    assert {attribute for each in ALL for attribute in each.attributes} <= mentioned
    assert explained - {attribute for each in ALL for attribute in each.attributes} == set()


def test_every_attribute_of_a_span_is_documented() -> None:
    documented = {kind: set(NAMES.findall(attributes)) for kind, attributes in rows("Traces")}
    told: dict[str, set[str]] = {}
    for call in (ended(), ended(status=502)):
        for span in call_spans(call, Models(["gpt-4o"]), 1.0):
            told.setdefault(span.kind.value.upper(), set()).update(span.attributes)

    assert documented == told


def test_every_field_of_the_log_is_documented() -> None:
    fields = section("Access log").split(" for every call: ")[1].split(". There are no other fields")[0]

    assert set(NAMES.findall(fields)) == set(json.loads(json_line(EVENT, Models([]), None)))
