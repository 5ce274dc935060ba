"""What the process is told by its environment: the only module that reads it."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TELEMETRY = ("azure_monitor", "otlp", "prometheus", "opencensus")
"""Where telemetry can go."""


_NAME = re.compile(r"[A-Za-z_]{1,30}")


class AccessLog(StrEnum):
    """How each call is logged: not, as a line for people, or as a JSON object."""

    OFF = "off"
    TEXT = "text"
    JSON = "json"


_ACCESS_LOGS = {"": AccessLog.OFF, "0": AccessLog.OFF, "1": AccessLog.TEXT} | {each.value: each for each in AccessLog}


_OF_AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "WEBSITE_SITE_NAME")
"""What Azure sets for every app, by plan: Flex Consumption knows no `WEBSITE_INSTANCE_ID`, as its instances are no App Service."""


def runs_in_azure(environment: Mapping[str, str]) -> bool:
    """Return whether this is an instance that Azure started, on whatever plan."""
    return any(name in environment for name in _OF_AZURE)


class SettingsInvalid(Exception):
    """The start is refused; `problems` names every setting that is missing or wrong, not just the first."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Tollgate cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True, slots=True)
class Settings:
    """The process's settings, checked.

    The configuration is a file, `config_path`, or stands in a setting itself, `config_inline`: exactly one of them is there.
    `client_id` picks a user-assigned identity; without one the system-assigned identity is used. `pepper_ref` is a secret_ref;
    without one a random pepper is kept in the data directory, which only makes sense on one machine. `environment` is kept for
    `env:NAME` references in the configuration. `telemetry` says where it goes, `trace_sampling` which share of traces is kept, 0 to 1.
    """

    config_path: Path | None
    config_inline: str | None
    data_dir: Path
    in_azure: bool
    pepper_ref: str | None
    service_bus_namespace: str | None
    cosmos_endpoint: str | None
    cosmos_database: str
    client_id: str | None
    access_log: AccessLog
    telemetry: tuple[str, ...]
    trace_sampling: float
    environment: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read and check the environment. Raises SettingsInvalid with the list of all problems."""
        env = dict(os.environ if environment is None else environment)
        in_azure = runs_in_azure(env)
        problems = []
        config_path, config_inline = env.get("TOLLGATE_CONFIG"), env.get("TOLLGATE_CONFIG_INLINE")
        if config_path and config_inline:
            problems.append("TOLLGATE_CONFIG and TOLLGATE_CONFIG_INLINE are both set: keep one of them")
        elif not config_path and not config_inline:
            problems.append(
                "TOLLGATE_CONFIG is missing: the path of the gateway's YAML file, or TOLLGATE_CONFIG_INLINE with its text"
            )
        elif config_path and not Path(config_path).is_file():
            problems.append(f"TOLLGATE_CONFIG names {config_path}, which is not a file")
        if in_azure and not env.get("TOLLGATE_PEPPER_REF"):
            problems.append("TOLLGATE_PEPPER_REF is missing: a secret_ref (kv://vault/name) of the key-hashing pepper")
        namespace = env.get("ServiceBusConnection__fullyQualifiedNamespace")
        if in_azure and not namespace:
            problems.append(
                "ServiceBusConnection__fullyQualifiedNamespace is missing: the Service Bus that takes usage events"
            )
        cosmos_endpoint = env.get("TOLLGATE_COSMOS_ENDPOINT")
        if in_azure and not cosmos_endpoint:
            problems.append("TOLLGATE_COSMOS_ENDPOINT is missing: the Cosmos DB account that keeps the gateway's state")
        telemetry, sampling = _telemetry(env, in_azure, problems), _sampling(env, problems)
        access_log = _ACCESS_LOGS.get(env.get("TOLLGATE_ACCESS_LOG", ""))
        if access_log is None:
            problems.append("TOLLGATE_ACCESS_LOG is one of 1, text, json and off")
        if problems or access_log is None:
            raise SettingsInvalid(problems)
        return cls(
            config_path=Path(config_path) if config_path else None,
            config_inline=config_inline or None,
            data_dir=Path(
                env.get("TOLLGATE_DATA") or (env.get("HOME", "/tmp") + "/tollgate" if in_azure else ".local")
            ),
            in_azure=in_azure,
            pepper_ref=env.get("TOLLGATE_PEPPER_REF") or None,
            service_bus_namespace=namespace or None,
            cosmos_endpoint=cosmos_endpoint or None,
            cosmos_database=env.get("TOLLGATE_COSMOS_DATABASE") or "tollgate",
            client_id=env.get("AZURE_CLIENT_ID") or None,
            access_log=access_log,
            telemetry=telemetry,
            trace_sampling=sampling,
            environment=env,
        )


def _telemetry(env: Mapping[str, str], in_azure: bool, problems: list[str]) -> tuple[str, ...]:
    """Return where telemetry goes: as it is set, else to Application Insights where that is there, else nowhere but this machine."""
    asked = env.get("TOLLGATE_TELEMETRY", "")
    names = tuple(dict.fromkeys(name for name in (part.strip() for part in asked.split(",")) if name))
    if not names:
        return (
            ("azure_monitor",)
            if env.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
            else ()
            if in_azure
            else ("prometheus",)
        )
    if names == ("off",):
        return ()
    if unknown := [name for name in names if name not in TELEMETRY]:
        # What is no name may have been meant for another setting, and be a secret.
        told = ", ".join(name if _NAME.fullmatch(name) else "something else" for name in unknown)[:100]
        problems.append(f"TOLLGATE_TELEMETRY names {told}: it is off, or a list of {', '.join(TELEMETRY)}")
    if {"azure_monitor", "opencensus"} & set(names) and not env.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        problems.append(
            "APPLICATIONINSIGHTS_CONNECTION_STRING is missing: TOLLGATE_TELEMETRY sends to Application Insights"
        )
    return names


def _sampling(env: Mapping[str, str], problems: list[str]) -> float:
    try:
        ratio = float(env.get("TOLLGATE_TRACE_SAMPLING") or 0.1)
    except ValueError:
        ratio = math.nan
    if not 0 <= ratio <= 1:
        problems.append("TOLLGATE_TRACE_SAMPLING is the share of traces to keep, a number from 0 to 1")
    return ratio


def offer_vocabularies(directory: Path) -> None:
    """Point tiktoken, which only listens to the environment, at its vocabularies.

    Raises FileNotFoundError where there are none: tiktoken would try to download them.
    """
    if not any(directory.glob("*")):
        raise FileNotFoundError(f"no tokeniser vocabularies in {directory}")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(directory)
