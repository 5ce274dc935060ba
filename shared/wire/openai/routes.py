"""Finds the endpoint behind an address, in every shape in which the SDKs write it.

| shape | from |
|---|---|
| /v1/{path} | OpenAI clients |
| /openai/v1/{path} | OpenAI clients that were pointed at Azure |
| /openai/deployments/{model}/{path} | AzureOpenAI |
| /v1/deployments/{model}/{path} | AzureOpenAI with base_url |
| /openai/{path} | AzureOpenAI, for what has no deployment |
"""

import re
from dataclasses import dataclass

from shared.errors import MethodNotAllowed, NotFound
from shared.wire.openai.endpoints import ENDPOINTS, Endpoint

_SEGMENT = r"((?!\.{1,2}(?:/|$))[A-Za-z0-9._:~@+-]{1,512})"
_DEPLOYMENT = re.compile(rf"/(?:openai|v1)/deployments/{_SEGMENT}/(.+)")
_PLAIN = re.compile(r"/(?:v1|openai/v1|openai)/(.+)")


@dataclass(frozen=True, slots=True)
class Match:
    """An endpoint with what its address said: the model of a deployment path, and the ids in the path."""

    endpoint: Endpoint
    model: str | None
    ids: tuple[str, ...]
    azure_shaped: bool

    @property
    def owner_id(self) -> str | None:
        """The id of the owned object in the path."""
        return self.ids[0] if self.endpoint.owned and self.ids else None

    @property
    def path(self) -> str:
        """The operation's path with its ids filled in, exactly as the caller wrote them."""
        parts = iter(self.ids)
        return re.sub(r"\{\w+\}", lambda _: next(parts), self.endpoint.path)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", lambda _: _SEGMENT, re.escape(path)))


class Routes:
    """The endpoint table, indexed: fixed paths by dictionary, the others by pattern, fixed before patterned."""

    def __init__(self, endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> None:
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        patterned: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            table = patterned if "{" in endpoint.path else self._fixed
            table.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        self._patterned = [(_pattern(path), methods) for path, methods in patterned.items()]

    def find(self, method: str, path: str) -> Match:
        """Return the endpoint for an address. Raises NotFound and MethodNotAllowed."""
        model, operation = None, None
        if deployment := _DEPLOYMENT.fullmatch(path):
            model, operation = deployment[1], deployment[2]
        elif plain := _PLAIN.fullmatch(path):
            operation = plain[1]
        if operation is None:
            raise _unknown(method, path)
        methods, ids = self._methods(operation.rstrip("/"))
        if not methods:
            raise _unknown(method, path)
        endpoint = methods.get(method)
        if endpoint is None:
            allowed = ", ".join(sorted(methods))
            raise MethodNotAllowed(
                f"{method} is not allowed on this address; allowed: {allowed}.", headers={"allow": allowed}
            )
        if model is not None and not endpoint.by_deployment:
            raise _unknown(method, path)
        return Match(endpoint, model, ids, azure_shaped=path.startswith("/openai"))

    def _methods(self, operation: str) -> tuple[dict[str, Endpoint] | None, tuple[str, ...]]:
        if methods := self._fixed.get(operation):
            return methods, ()
        for pattern, methods in self._patterned:
            if match := pattern.fullmatch(operation):
                return methods, match.groups()
        return None, ()


def _unknown(method: str, path: str) -> NotFound:
    return NotFound(f"Unknown request URL: {method} {path[:200]}. Check the base URL and the path.", code="unknown_url")
