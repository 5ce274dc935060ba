"""What telemetry is told by its environment, checked without importing a library: cheap enough for every start."""

import locale
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from shared.adapters.telemetry.errors import TelemetryMisconfigured

NAMES = ("azure_monitor", "otlp", "prometheus", "opencensus")
NO_OPENCENSUS = (
    "opencensus is asked for, but opencensus-ext-azure==1.1.15 is not installed or does not work on this Python: "
    "add it to the package, or send to azure_monitor, which fills the same tables"
)

_CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_AUTHENTICATION = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token is sent; without a client id, that of the identity there is."""

    client_id: str | None


def check(names: Sequence[str], environment: Mapping[str, str]) -> None:
    """Raise TelemetryMisconfigured for what `recorder_of` would refuse."""
    if unknown := [name for name in names if name not in NAMES]:
        raise TelemetryMisconfigured(f"telemetry cannot go to {', '.join(unknown)}: there are {', '.join(NAMES)}")
    for name in ("azure_monitor", "opencensus"):
        if name in names:
            connection_string(name, environment)
            identity(environment)
    if "otlp" in names:
        otlp_endpoint(environment)
    if "opencensus" in names and not _has_opencensus():
        raise TelemetryMisconfigured(NO_OPENCENSUS)


def connection_string(name: str, environment: Mapping[str, str]) -> str:
    """Return that of Application Insights. Raises TelemetryMisconfigured."""
    text = environment.get(_CONNECTION, "").rstrip(";")
    if not text:
        raise TelemetryMisconfigured(f"{name} needs {_CONNECTION}, as Application Insights shows it")
    fields = _fields(text)
    is_sound = all(part.count("=") == 1 for part in text.split(";")) and fields.get("authorization", "ikey") == "ikey"
    if not is_sound or not _KEY.fullmatch(fields.get("instrumentationkey", "")):
        raise TelemetryMisconfigured(f"{_CONNECTION} is not one that Application Insights shows")
    return text


def identity(environment: Mapping[str, str]) -> Identity | None:
    """Return who sends to Application Insights, told as `Authorization=AAD;ClientId=…`; None where the key is enough.

    Raises TelemetryMisconfigured.
    """
    text = environment.get(_AUTHENTICATION)
    if not text:
        return None
    fields = _fields(text)
    if fields.get("authorization") != "AAD":
        raise TelemetryMisconfigured(f"{_AUTHENTICATION} must be Authorization=AAD or Authorization=AAD;ClientId=<id>")
    return Identity(fields.get("clientid") or environment.get("AZURE_CLIENT_ID") or None)


def otlp_endpoint(environment: Mapping[str, str]) -> str:
    """Return the collector's address, without the paths of signals. Raises TelemetryMisconfigured."""
    text = environment.get(_ENDPOINT, "").rstrip("/")
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise TelemetryMisconfigured(f"otlp needs {_ENDPOINT}: the collector's address, like https://collector:4318")
    if environment.get(_PROTOCOL, "http/protobuf") != "http/protobuf":
        raise TelemetryMisconfigured(f"{_PROTOCOL} must be http/protobuf, the only one that is spoken here")
    return text


def _fields(text: str) -> dict[str, str]:
    pairs = dict(pair.split("=", 1) for pair in text.split(";") if "=" in pair)
    return {key.strip().lower(): value.strip() for key, value in pairs.items()}


def _has_opencensus() -> bool:
    """It asks the locale module for something that Python 3.15 will not have."""
    try:
        return find_spec("opencensus.ext.azure") is not None and hasattr(locale, "getdefaultlocale")
    except ModuleNotFoundError:
        return False
