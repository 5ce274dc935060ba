"""Reads an address in either of Azure's forms and refuses the versions that Azure refuses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from devhost.simulator.errors import bad_request, resource_not_found

_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/(.+)")
_V1 = re.compile(r"/openai/v1/(.+)")
_PLAIN = re.compile(r"/openai/(.+)")

V1_VERSIONS = frozenset({"v1", "preview", "latest"})
_GA = ("2023-05-15", "2024-02-01", "2024-06-01", "2024-10-21")
_PREVIEWS = (
    "2024-02-15",
    "2024-03-01",
    "2024-04-01",
    "2024-05-01",
    "2024-07-01",
    "2024-08-01",
    "2024-09-01",
    "2024-10-01",
    "2024-12-01",
    "2025-01-01",
    "2025-02-01",
    "2025-03-01",
    "2025-04-01",
)
DATED_VERSIONS = frozenset({*_GA, *(f"{date}-preview" for date in _PREVIEWS)})
_FIRST_WITH_RESPONSES = "2025-03-01"


@dataclass(frozen=True, slots=True)
class Address:
    """An operation, and the deployment where the address names one."""

    operation: str
    deployment: str | None = None
    is_v1: bool = False


def locate(path: str, query: Mapping[str, str]) -> Address:
    """Return the address. Raises AzureError for an unknown form or version."""
    version = query.get("api-version")
    if v1 := _V1.fullmatch(path):
        if version is not None and version not in V1_VERSIONS:
            raise bad_request("A dated api-version is not allowed on the /v1 path.", code="BadRequest")
        return Address(v1[1], is_v1=True)
    if version not in DATED_VERSIONS:
        raise resource_not_found()
    if deployment := _DEPLOYMENT.fullmatch(path):
        return Address(deployment[2], unquote(deployment[1]))
    plain = _PLAIN.fullmatch(path)
    if plain is None:
        raise resource_not_found()
    if plain[1].startswith("responses") and version < _FIRST_WITH_RESPONSES:
        raise bad_request("The Responses API needs api-version 2025-03-01-preview or later.", code="BadRequest")
    return Address(plain[1])
