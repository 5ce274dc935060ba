"""Alerts, their queries, the figures they are about and the pages that say what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.telemetry import instruments
from shared.telemetry.model import Instrument
from tests.infra import code
from tests.infra.deployed import INFRA, module, values

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs/runbooks"
INSTRUMENTS = {each.name: each for each in vars(instruments).values() if isinstance(each, Instrument)}
NOT_ALERTS = {"README", "index"}


def alerts() -> dict[str, dict[str, Any]]:
    """The rules by name, of all that may be there."""
    types = ("Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts")
    made = [*module("alerts", name="rule"), *module("availability", name="rule")]
    return {str(each.body["name"]).removeprefix("rule-"): each.properties for each in made if each.type in types}


def queries() -> Iterator[tuple[str, str]]:
    """Every query with where it stands."""
    for path in sorted((INFRA / "kql").glob("*.kql")):
        yield path.name, path.read_text()
    for path in sorted((INFRA / "workbooks").glob("*.json")):
        for place, value in values(json.loads(path.read_text())):
            if isinstance(value, str) and re.search(r"^App[A-Z]\w+\s*$|^\s*\|", value, re.MULTILINE):
                yield f"{path.name} {place}", value
    for path in sorted(RUNBOOKS.glob("*.md")):
        for number, query in enumerate(re.findall(r"```kusto\n(.*?)```", path.read_text(), re.DOTALL), 1):
            yield f"{path.name} {number}", query


QUERIES = dict(queries())


def test_there_is_a_page_for_each_alert_and_an_alert_for_each_page() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - NOT_ALERTS
    named = {name: set(re.findall(r"([\w-]+)\.md", each["description"])) for name, each in alerts().items()}

    assert [name for name, runbooks in named.items() if len(runbooks) != 1] == [], "a rule's description names its page"
    assert pages == {page for runbooks in named.values() for page in runbooks}


def test_each_query_is_used_and_each_alert_on_logs_has_one() -> None:
    loaded = set(re.findall(r"loadTextContent\('\.\./kql/([^']+)'", (INFRA / "modules/log-alerts.bicep").read_text()))

    assert loaded == {path.name for path in (INFRA / "kql").glob("*.kql")}


def test_a_rule_measures_a_column_that_its_query_gives() -> None:
    wrong = []
    for name, properties in alerts().items():
        for each in properties["criteria"].get("allOf", []):
            columns = [each.get("metricMeasureColumn"), *(split["name"] for split in each.get("dimensions", []))]
            query = each.get("query")
            wrong += [
                (name, column) for column in columns if query and column and not re.search(rf"\b{column}\b", query)
            ]

    assert wrong == []


@pytest.mark.parametrize("place", QUERIES)
def test_a_query_asks_for_figures_that_the_gateway_tells(place: str) -> None:
    query = QUERIES[place]
    names = set(re.findall(r"Name\s*(?:==|=~)\s*['\"]([a-z_.]+)['\"]", query))
    names |= {
        name
        for listed in re.findall(r"Name\s+in\s*\(([^)]*)\)", query)
        for name in re.findall(r"['\"]([a-z_.]+)['\"]", listed)
    }
    told = {name for name in names if name.startswith(("tollgate.", "gen_ai."))}

    assert told - set(INSTRUMENTS) == set()


@pytest.mark.parametrize("place", QUERIES)
def test_a_query_divides_by_what_the_figures_have(place: str) -> None:
    query = QUERIES[place]
    asked = set(re.findall(r"Properties\[['\"]([\w.]+)['\"]\]", query)) | set(
        re.findall(r"\bProperties\.([A-Za-z_]\w*)", query)
    )
    named = [INSTRUMENTS[name] for name in INSTRUMENTS if re.search(rf"['\"]{re.escape(name)}['\"]", query)]
    known = {attribute for each in named for attribute in each.attributes}
    spans = {text for text in code.strings("shared") if "." in text}

    assert asked - known - spans == set()


@pytest.mark.parametrize("place", QUERIES)
def test_a_query_reads_tables_that_there_are(place: str) -> None:
    tables = set(re.findall(r"\b(App[A-Z]\w+|Azure[A-Z]\w+|CDB\w+|StorageBlobLogs)\b", QUERIES[place]))

    assert tables - {"AppRoleName", "AppRoleInstance", "AppVersion"} <= {
        "AppRequests",
        "AppDependencies",
        "AppMetrics",
        "AppTraces",
        "AppExceptions",
        "AppAvailabilityResults",
        "AzureDiagnostics",
        "AzureMetrics",
        "CDBPartitionKeyRUConsumption",
    }


@pytest.mark.parametrize("place", QUERIES)
def test_a_query_looks_at_what_the_gateway_tells_and_not_at_what_the_host_tells_of_the_same_calls(place: str) -> None:
    query = QUERIES[place]
    tables = re.findall(r"\bApp(?:Requests|Dependencies|Metrics)\b", query)

    # One that asks who is heard at all is divided by the role.
    assert query.count("AppRoleName == 'tollgate'") == len(tables) or re.search(r"\bby\b.*\bAppRoleName\b", query)


@pytest.mark.parametrize(
    "place", [place for place, query in QUERIES.items() if "'stream_cut'" in query and "100.0" in query]
)
def test_a_share_of_failures_is_not_thinned_by_refusals(place: str) -> None:
    assert re.search(r"where .*[oO]utcome.* != 'refused' or .*[sS]tatus.* >= 500", QUERIES[place])


@pytest.mark.parametrize("place", [place for place, query in QUERIES.items() if "first_byte_ms" in query])
def test_first_bytes_are_those_of_streams(place: str) -> None:
    assert "tobool(Properties['tollgate.streamed'])" in QUERIES[place]


@pytest.mark.parametrize("path", sorted((INFRA / "workbooks").glob("*.json")), ids=lambda path: path.name)
def test_a_workbook_is_one(path: Path) -> None:
    book = json.loads(path.read_text())

    assert book["version"] == "Notebook/1.0"
    assert book["items"]
