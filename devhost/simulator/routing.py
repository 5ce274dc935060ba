"""Finds the handler and the deployment of a call."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from devhost.simulator.addresses import Address
from devhost.simulator.catalog import Deployment, find_deployment
from devhost.simulator.errors import bad_request, deployment_not_found, resource_not_found
from devhost.simulator.exchange import Json, ModelIn, Route
from devhost.simulator.faults import UnknownFault, parse_fault
from devhost.simulator.forms import Form, MalformedForm, parse_form


@dataclass(frozen=True, slots=True)
class Content:
    """The body, parsed as its content type says."""

    json: Json
    form: Form

    @classmethod
    def parse(cls, content_type: str, body: bytes) -> "Content":
        """Raises AzureError for a body that is not what it claims to be."""
        if content_type.startswith("multipart/form-data"):
            try:
                return cls({}, parse_form(content_type, body))
            except MalformedForm as error:
                raise bad_request(f"The multipart form cannot be parsed: {error}.") from error
        if not body or "json" not in content_type:
            return cls({}, Form())
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise bad_request("The body of the request is not valid JSON.") from error
        if not isinstance(value, dict):
            raise bad_request("The body of the request must be a JSON object.")
        return cls(value, Form())


class RouteTable:
    """The operations by method and path; a fixed path wins over one with an `{id}`."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[tuple[str, str], Route] = {}
        self._patterned: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if "{" in route.path:
                pattern = re.escape(route.path).replace(r"\{id\}", "([^/]+)")
                self._patterned.append((re.compile(pattern), route))
            else:
                self._fixed[route.method, route.path] = route

    def find(self, method: str, address: Address) -> tuple[Route, tuple[str, ...]]:
        """Return the route and the ids in its path. Raises AzureError 404."""
        operation = address.operation.rstrip("/")
        fixed = self._fixed.get((method, operation))
        route, ids = (fixed, ()) if fixed else self._match(method, operation)
        if not address.is_v1 and route.by_deployment != (address.deployment is not None):
            raise resource_not_found()
        return route, ids

    def _match(self, method: str, operation: str) -> tuple[Route, tuple[str, ...]]:
        for pattern, route in self._patterned:
            if route.method == method and (match := pattern.fullmatch(operation)):
                return route, match.groups()
        raise resource_not_found()


def deployment_of(address: Address, route: Route, content: Content, query: Mapping[str, str]) -> Deployment | None:
    """Return the deployment that the address or the body names. Raises AzureError when there is none."""
    name = address.deployment
    if name is None:
        name = _model_of(route.model, content, query)
    if name is None:
        return None
    deployment = find_deployment(name)
    if deployment is None or not all(_is_fault(text) for text in deployment.faults):
        raise deployment_not_found(name)
    return deployment


def _model_of(place: ModelIn, content: Content, query: Mapping[str, str]) -> str | None:
    session = content.json.get("session")
    found: object = {
        ModelIn.NOWHERE: None,
        ModelIn.BODY: content.json.get("model"),
        ModelIn.OPTIONAL: content.json.get("model"),
        ModelIn.FORM: content.form.fields.get("model") or content.json.get("model"),
        ModelIn.SESSION: session.get("model") if isinstance(session, dict) else None,
        ModelIn.QUERY: query.get("model"),
    }[place]
    if found is None and place in (ModelIn.NOWHERE, ModelIn.OPTIONAL, ModelIn.QUERY, ModelIn.SESSION):
        return None
    if found is None:
        raise bad_request("You must provide a model parameter.", "model", "missing_required_parameter")
    if not isinstance(found, str):
        raise bad_request("Invalid type for 'model': expected a string.", "model", "invalid_type")
    return found


def _is_fault(text: str) -> bool:
    try:
        parse_fault(text)
    except UnknownFault:
        return False
    return True
