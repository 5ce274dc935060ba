"""What the code asks for is deployed, and what is deployed is asked for: a rename fails here, not in Azure."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions._jobs import PATIENCE_S
from shared.configuration.loading import parse_configuration
from shared.settings import Settings, SettingsInvalid
from tests.infra import code
from tests.infra.deployed import ENVIRONMENTS, INFRA, of_type

ROOT = Path(__file__).parents[2]

# Read by the Functions host for every connection without a key, see its documentation of identity-based connections.
IDENTITY = {"credential", "clientId"}
HOST = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"}

ROLES = {
    "00000000-0000-0000-0000-000000000002": "Cosmos DB Built-in Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "2b629674-e913-4c01-ae53-ef4638d8f975": "Azure Event Hubs Data Sender",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": "Azure Service Bus Data Receiver",
    "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd": "Cognitive Services OpenAI User",
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": "Azure Service Bus Data Sender",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "a001fd3d-188f-4b5d-821b-7da978bf7442": "Cognitive Services OpenAI Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "09976791-48a7-449e-bb21-39d1a415f350": "Communication and Email Service Owner",
}
"""The roles that there are in Azure by their ids, of those that the gateway may have."""


def app_settings(environment: str) -> dict[str, str]:
    """The app settings that an environment's function app has."""
    (app,) = of_type(environment, "Microsoft.Web/sites")
    listed = {each["name"]: each["value"] for each in app.properties["siteConfig"].get("appSettings", [])}
    apart = (
        each.properties
        for each in of_type(environment, "Microsoft.Web/sites/config")
        if each.body["name"] == "appsettings"
    )
    return listed | next(apart, {})


def in_azure(environment: str) -> dict[str, str]:
    """What the process would see there, with addresses of the right form for those that only Azure knows."""
    seen = {name: _addressed(str(value)) for name, value in app_settings(environment).items()}
    return seen | {"WEBSITE_POD_NAME": "instance", "WEBSITE_SITE_NAME": "app"}


def _addressed(text: str) -> str:
    text = re.sub(r"<<[^>]*blob>>", "https://contoso.blob.core.windows.net/", text)
    text = re.sub(r"<<[^>]*[eE]ndpoint>>", "https://contoso.openai.azure.com/", text)
    return re.sub(r"<<[^>]*>>", "00000000-0000-0000-0000-000000000003", text)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_app_starts_with_the_settings_that_it_is_given(environment: str) -> None:
    settings = Settings.from_environment(in_azure(environment))

    assert settings.in_azure
    assert settings.client_id
    assert "azure_monitor" in settings.telemetry


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_configuration_with_what_the_template_adds_is_valid(environment: str) -> None:
    seen = in_azure(environment)

    config = parse_configuration(seen["TOLLGATE_CONFIG_INLINE"].encode(), "TOLLGATE_CONFIG_INLINE", seen)

    assert config.deployments
    assert config.routes


def _needed() -> set[str]:
    """Settings without which the app does not start in Azure: it says so itself."""
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment({"WEBSITE_POD_NAME": "instance", "TOLLGATE_CONFIG": ""})
    return {problem.split()[0] for problem in refused.value.problems}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_needed_setting_is_forgotten(environment: str) -> None:
    given = set(app_settings(environment))
    connections = {
        f"{each}__{suffix}" for each in (*code.bindings("connection"), "AzureWebJobsStorage") for suffix in IDENTITY
    }

    assert _needed() - {"TOLLGATE_CONFIG"} - given == set()
    assert connections - given == set()
    assert {"AzureWebJobsStorage__accountName"} <= given


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_setting_is_given_that_nobody_reads(environment: str) -> None:
    connections = {
        f"{each}__{suffix}" for each in (*code.bindings("connection"), "AzureWebJobsStorage") for suffix in IDENTITY
    }
    files = (path.read_text() for path in (INFRA / "config").glob("*.yaml"))
    named = {name for text in files for name in re.findall(r"\benv:([A-Z_]+)", text)}

    known = code.settings() | connections | HOST | named | {"AzureWebJobsStorage__accountName"}
    assert set(app_settings(environment)) - known == set()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_containers_are_those_of_the_code(environment: str) -> None:
    containers = of_type(environment, "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers")

    assert {each.body["name"] for each in containers} == code.containers()
    for each in containers:
        body = each.properties["resource"]
        assert body["id"] == each.body["name"]
        assert body["partitionKey"]["paths"] == ["/pk"]
        assert body["defaultTtl"] == -1, "documents that end by themselves say so; without it none would"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_queues_are_those_of_the_code(environment: str) -> None:
    queues = of_type(environment, "Microsoft.ServiceBus/namespaces/queues")

    assert {each.body["name"] for each in queues} == code.bindings("queue_name")
    assert all(each.properties["requiresDuplicateDetection"] for each in queues)


def _minutes(duration: str) -> float:
    """The minutes of `PT5M`, `PT30S`, `PT1H`, or of the host's `00:30:00`."""
    if match := re.fullmatch(r"(\d\d):(\d\d):(\d\d)", duration):
        return int(match[1]) * 60 + int(match[2]) + int(match[3]) / 60
    amount, unit = re.fullmatch(r"PT(\d+)([HMS])", duration).groups()  # type: ignore[union-attr]
    return int(amount) * {"H": 60, "M": 1, "S": 1 / 60}[unit]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_lock_outlasts_the_batch_that_is_posted_under_it(environment: str) -> None:
    queues = {
        each.body["name"]: each.properties for each in of_type(environment, "Microsoft.ServiceBus/namespaces/queues")
    }
    waiting = code.bindings("queue_name", calling="patiently")

    assert waiting
    assert [name for name in waiting if _minutes(queues[name]["lockDuration"]) * 60 <= PATIENCE_S] == []
    assert [name for name, each in queues.items() if _minutes(each["lockDuration"]) > 5] == [], "the most there is"
    assert [name for name, each in queues.items() if _minutes(each["duplicateDetectionHistoryTimeWindow"]) < 10] == []


def test_the_host_is_told_what_the_queues_bear() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    bus = host["extensions"]["serviceBus"]
    locks = {
        _minutes(each.properties["lockDuration"]) for each in of_type("prod", "Microsoft.ServiceBus/namespaces/queues")
    }

    assert bus["maxMessageBatchSize"] >= 1
    assert _minutes(host["functionTimeout"]) >= max(locks), "a function must not be ended before its lock is"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_blob_containers_are_those_that_are_named(environment: str) -> None:
    containers = {
        each.body["name"] for each in of_type(environment, "Microsoft.Storage/storageAccounts/blobServices/containers")
    }
    (app,) = of_type(environment, "Microsoft.Web/sites")
    package = app.properties["functionAppConfig"]["deployment"]["storage"]["value"]
    config = json.loads(in_azure(environment)["TOLLGATE_CONFIG_INLINE"])

    assert containers == {re.split(r"[/>]", package)[-1], config["finance"]["reports_storage"].rsplit("/", 1)[1]}


def _roles(environment: str) -> set[str]:
    types = ("Microsoft.Authorization/roleAssignments", "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments")
    ids = {
        str(each.properties["roleDefinitionId"]).rsplit(", ")[-1]
        for type_ in types
        for each in of_type(environment, type_)
    }
    return {_role(each) for each in ids}


def _role(definition: str) -> str:
    ids = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", definition)
    return ROLES.get(ids[-1], ids[-1]) if ids else definition


def _documented(heading: str) -> list[list[str]]:
    """The rows of the table under the heading of a column, from the page that describes the infrastructure."""
    pages = [INFRA / "README.md", ROOT / "docs/reference/infrastructure.md"]
    lines = [line for page in pages if page.is_file() for line in page.read_text().splitlines()]
    starts = [at for at, line in enumerate(lines) if line.startswith("|") and heading in line.split("|")[1]]
    rows = []
    for at in starts:
        for line in lines[at + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_roles_are_those_that_are_documented() -> None:
    given = set().union(*(_roles(environment) for environment in ENVIRONMENTS))
    text = " ".join(row[0] for row in _documented("role"))
    said = {name for name in ROLES.values() if name in text}
    optional = {
        "Communication and Email Service Owner",  # of resources that are not made here
        "Azure Event Hubs Data Sender",
        "Cognitive Services OpenAI User",  # without `filesAndBatches`
    }

    assert given - said == set(), "add them to the table of roles"
    assert said - given - optional == set(), "they are assigned nowhere"


def test_queues_and_containers_are_those_that_are_documented() -> None:
    said: dict[str, Any] = {row[0].strip("`"): row for row in _documented("queue")}

    assert set(said) == code.bindings("queue_name")
    assert {row[0].strip("`") for row in _documented("container")} >= code.containers()
    for each in of_type("prod", "Microsoft.ServiceBus/namespaces/queues"):
        row = said[each.body["name"]]
        assert str(each.properties["maxDeliveryCount"]) in row
        assert each.properties["lockDuration"] in " ".join(row)
