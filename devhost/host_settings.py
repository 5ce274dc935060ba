"""What host.json and the trigger's settings say about how functions are run here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from devhost.worker import AppInvalid


@dataclass(frozen=True, slots=True)
class HostSettings:
    """The part of host.json that this host heeds; the last two are the queue's own settings in Azure."""

    route_prefix: str = "api"
    batch_size: int = 100
    concurrent_calls: int = 16
    lock_s: float = 60.0
    max_deliveries: int = 10

    @classmethod
    def of(cls, app_dir: Path, max_deliveries: int) -> Self:
        """Read the app's host.json. Raises AppInvalid."""
        path = app_dir / "host.json"
        try:
            settings = json.loads(path.read_bytes()) if path.exists() else {}
        except ValueError as error:
            raise AppInvalid(f"{path} is not JSON: {error}") from error
        http, service_bus = _section(settings, "http"), _section(settings, "serviceBus")
        return cls(
            route_prefix=str(http.get("routePrefix", "api")).strip("/"),
            batch_size=int(service_bus.get("maxMessageBatchSize", 100)),
            concurrent_calls=int(service_bus.get("maxConcurrentCalls", 16)),
            max_deliveries=max_deliveries,
        )


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace `%NAME%` by the app setting of that name, as the host does. Raises AppInvalid."""
    pieces = text.split("%")
    if len(pieces) % 2 == 0:
        raise AppInvalid(f"The value '{text}' has a single %.")
    for name in pieces[1::2]:
        if name not in environment:
            raise AppInvalid(f"'%{name}%' does not resolve to a value.")
    return "".join(environment[piece] if at % 2 else piece for at, piece in enumerate(pieces))


def _section(settings: Mapping[str, Any], extension: str) -> Mapping[str, Any]:
    section = settings.get("extensions", {}).get(extension, {})
    return section if isinstance(section, dict) else {}
