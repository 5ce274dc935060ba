"""The process starts with everything it needs, or names everything that is missing."""

import os
from pathlib import Path

import pytest

from shared.settings import AccessLog, Settings, SettingsInvalid, offer_vocabularies

AZURE = {
    "WEBSITE_INSTANCE_ID": "0",
    "TOLLGATE_PEPPER_REF": "kv://vault/pepper",
    "ServiceBusConnection__fullyQualifiedNamespace": "bus.servicebus.windows.net",
    "TOLLGATE_COSMOS_ENDPOINT": "https://state.documents.azure.com",
}


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1")
    return str(path)


def problems(environment: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment(environment)
    assert all(problem in str(refused.value) for problem in refused.value.problems)
    return refused.value.problems


def test_on_one_machine_the_path_of_the_file_is_enough(config: str) -> None:
    settings = Settings.from_environment({"TOLLGATE_CONFIG": config})

    assert settings.config_path == Path(config)
    assert settings.data_dir == Path(".local")
    assert (settings.in_azure, settings.access_log) == (False, AccessLog.OFF)
    assert (settings.pepper_ref, settings.service_bus_namespace) == (None, None)


def test_in_azure_everything_is_told(config: str) -> None:
    settings = Settings.from_environment({**AZURE, "TOLLGATE_CONFIG": config, "HOME": "/home"})

    assert settings.in_azure
    assert settings.data_dir == Path("/home/tollgate")
    assert settings.pepper_ref == "kv://vault/pepper"
    assert settings.service_bus_namespace == "bus.servicebus.windows.net"


@pytest.mark.parametrize("sign", ["WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "WEBSITE_SITE_NAME"])
def test_all_that_is_missing_is_listed_at_once_on_every_plan(sign: str) -> None:
    found = problems({sign: "0"})

    assert [problem.split()[0] for problem in found] == [
        "TOLLGATE_CONFIG",
        "TOLLGATE_PEPPER_REF",
        "ServiceBusConnection__fullyQualifiedNamespace",
        "TOLLGATE_COSMOS_ENDPOINT",
    ]


@pytest.mark.parametrize("empty", ["TOLLGATE_PEPPER_REF", "ServiceBusConnection__fullyQualifiedNamespace"])
def test_an_empty_setting_is_a_missing_one(config: str, empty: str) -> None:
    found = problems({**AZURE, "TOLLGATE_CONFIG": config, empty: ""})

    assert len(found) == 1
    assert found[0].startswith(f"{empty} is missing")


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    assert problems({"TOLLGATE_CONFIG": str(tmp_path)}) == [f"TOLLGATE_CONFIG names {tmp_path}, which is not a file"]
    assert problems({"TOLLGATE_CONFIG": ""})[0].startswith("TOLLGATE_CONFIG is missing")


def test_the_configuration_can_stand_in_a_setting_itself(config: str) -> None:
    settings = Settings.from_environment({"TOLLGATE_CONFIG_INLINE": "version: 1"})

    assert (settings.config_path, settings.config_inline) == (None, "version: 1")
    assert problems({"TOLLGATE_CONFIG": config, "TOLLGATE_CONFIG_INLINE": "version: 1"}) == [
        "TOLLGATE_CONFIG and TOLLGATE_CONFIG_INLINE are both set: keep one of them"
    ]


def test_the_environment_is_kept_for_references_and_not_shown_in_problems(config: str) -> None:
    environment = {"TOLLGATE_CONFIG": config, "TOLLGATE_DATA": "/data", "TOLLGATE_ACCESS_LOG": "1", "KEY": "hunter2"}
    settings = Settings.from_environment(environment)
    environment["KEY"] = "changed"

    assert settings.environment["KEY"] == "hunter2"
    assert (settings.data_dir, settings.access_log) == (Path("/data"), AccessLog.TEXT)
    assert not any("hunter2" in problem for problem in problems({"KEY": "hunter2"}))


def test_the_processs_own_environment_is_read_by_default(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_CONFIG", config)
    for sign in ("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "WEBSITE_SITE_NAME"):
        monkeypatch.delenv(sign, raising=False)

    assert Settings.from_environment().config_path == Path(config)


def test_vocabularies_are_offered_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "before")
    with pytest.raises(FileNotFoundError):
        offer_vocabularies(tmp_path)
    assert os.environ["TIKTOKEN_CACHE_DIR"] == "before"

    (tmp_path / "vocabulary").touch()
    offer_vocabularies(tmp_path)
    assert os.environ["TIKTOKEN_CACHE_DIR"] == str(tmp_path)


INSIGHTS = {"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=0"}
IN_AZURE = {
    "WEBSITE_INSTANCE_ID": "1",
    "TOLLGATE_PEPPER_REF": "kv://vault/pepper",
    "ServiceBusConnection__fullyQualifiedNamespace": "contoso.servicebus.windows.net",
    "TOLLGATE_COSMOS_ENDPOINT": "https://contoso.documents.azure.com",
}


@pytest.mark.parametrize(
    ("environment", "telemetry"),
    [
        ({}, ("prometheus",)),
        (INSIGHTS, ("azure_monitor",)),
        (IN_AZURE, ()),
        (IN_AZURE | INSIGHTS, ("azure_monitor",)),
        (INSIGHTS | {"TOLLGATE_TELEMETRY": "off"}, ()),
        (INSIGHTS | {"TOLLGATE_TELEMETRY": " otlp, prometheus ,otlp"}, ("otlp", "prometheus")),
    ],
)
def test_telemetry_goes_where_it_is_sent_or_else_where_it_can(
    config: str, environment: dict[str, str], telemetry: tuple[str, ...]
) -> None:
    assert Settings.from_environment({"TOLLGATE_CONFIG": config, **environment}).telemetry == telemetry


@pytest.mark.parametrize(
    ("environment", "beginning"),
    [
        (
            {"TOLLGATE_TELEMETRY": "otlp,datadog"},
            "TOLLGATE_TELEMETRY names datadog: it is off, or a list of azure_monitor",
        ),
        ({"TOLLGATE_TELEMETRY": "off,otlp"}, "TOLLGATE_TELEMETRY names off"),
        ({"TOLLGATE_TELEMETRY": "InstrumentationKey=11111111-2222"}, "TOLLGATE_TELEMETRY names something else: it is"),
        ({"TOLLGATE_TRACE_SAMPLING": "2"}, "TOLLGATE_TRACE_SAMPLING is the share"),
        ({"TOLLGATE_TRACE_SAMPLING": "-0.1"}, "TOLLGATE_TRACE_SAMPLING is the share"),
        ({"TOLLGATE_TRACE_SAMPLING": "inf"}, "TOLLGATE_TRACE_SAMPLING is the share"),
        ({"TOLLGATE_TELEMETRY": "opencensus"}, "APPLICATIONINSIGHTS_CONNECTION_STRING is missing"),
        ({"TOLLGATE_TRACE_SAMPLING": "1.5"}, "TOLLGATE_TRACE_SAMPLING is the share"),
        ({"TOLLGATE_TRACE_SAMPLING": "nan"}, "TOLLGATE_TRACE_SAMPLING is the share"),
        ({"TOLLGATE_TRACE_SAMPLING": "half"}, "TOLLGATE_TRACE_SAMPLING is the share"),
        ({"TOLLGATE_ACCESS_LOG": "xml"}, "TOLLGATE_ACCESS_LOG is one of"),
    ],
)
def test_telemetry_that_cannot_be_meant_is_refused(config: str, environment: dict[str, str], beginning: str) -> None:
    (problem,) = problems({"TOLLGATE_CONFIG": config, **environment})

    assert problem.startswith(beginning)


@pytest.mark.parametrize(
    ("text", "log", "ratio"),
    [("", AccessLog.OFF, 0.1), ("off", AccessLog.OFF, 0), ("text", AccessLog.TEXT, 1), ("json", AccessLog.JSON, 0.25)],
)
def test_the_access_log_and_the_sampling_are_read(config: str, text: str, log: AccessLog, ratio: float) -> None:
    given = {
        "TOLLGATE_CONFIG": config,
        "TOLLGATE_ACCESS_LOG": text,
        "TOLLGATE_TRACE_SAMPLING": str(ratio) if text else "",
    }
    settings = Settings.from_environment(given)

    assert (settings.access_log, settings.trace_sampling) == (log, ratio)
