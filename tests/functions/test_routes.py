import ast
import inspect
import re
import textwrap
from typing import Any

import pytest

from shared.errors import NotFound
from shared.wire.openai.endpoints import ENDPOINTS, Endpoint, Meter
from shared.wire.openai.routes import Routes

UNMETERED = {"health", "health/ready"}
"""Routes that reach no upstream and no caller's data."""

BOOKS = {"v1/organization/costs", "v1/organization/usage/{category}"}
"""Addresses of OpenAI's that are answered from the ledger, to whoever may see it; no upstream is behind them."""

SERVED_BY = {"api/": "serve_management", "console": "serve_console", "hooks/": "serve_with", "metrics": "serve_with"}


def is_proxied(route: str) -> bool:
    return route not in UNMETERED | BOOKS and not route.startswith(tuple(SERVED_BY))


def server_of(route: str) -> str:
    """The seam that a route must go through: everything that can reach an upstream goes through the pipeline."""
    if route in BOOKS:
        return "serve_with"
    return next((seam for beginning, seam in SERVED_BY.items() if route.startswith(beginning)), "serve")


def sample(path: str) -> str:
    return re.sub(r"\{\w+\}", "abc-1", path)


def calls(code: Any) -> list[str]:
    """The names of the functions that a trigger awaits."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    return [
        node.value.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
    ]


def matches(route: str, path: str) -> bool:
    pattern = "/".join(
        ".*" if part.startswith("{*") else "[^/]+" if part.startswith("{") else re.escape(part)
        for part in route.split("/")
    )
    return re.fullmatch(pattern, path) is not None


def test_every_route_goes_through_the_one_pipeline(http_triggers: list[dict[str, Any]]) -> None:
    for trigger in http_triggers:
        if trigger["route"] not in UNMETERED:
            assert calls(trigger["code"]) == [server_of(trigger["route"])], f"{trigger['name']} leaves its seam"


def first_match(http_triggers: list[dict[str, Any]], path: str) -> str:
    """The route that the host picks: it tries functions by name, in upper case, and takes the first that fits."""
    by_name = sorted(http_triggers, key=lambda trigger: trigger["name"].upper())
    return next(str(trigger["route"]) for trigger in by_name if matches(trigger["route"], path))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_the_host_picks_the_function_of_the_endpoints_own_resource(
    http_triggers: list[dict[str, Any]], endpoint: Endpoint
) -> None:
    route = first_match(http_triggers, "v1/" + sample(endpoint.path))

    resource = endpoint.path.split("/")[0]
    assert route.startswith(f"v1/{resource}")
    if "{" not in endpoint.path:
        assert "{id}" not in route


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_endpoint_is_metered(endpoint: Endpoint) -> None:
    assert isinstance(endpoint.meter, Meter)
    assert Routes().find(endpoint.method, "/v1/" + sample(endpoint.path)).endpoint is endpoint


def test_every_specific_route_is_an_endpoint(http_triggers: list[dict[str, Any]]) -> None:
    for trigger in http_triggers:
        route = trigger["route"]
        if route in UNMETERED | BOOKS or "{*" in route or not route.startswith("v1/"):
            continue
        assert any("v1/" + sample(endpoint.path) == sample(route) for endpoint in ENDPOINTS), route


def test_every_proxied_function_takes_every_method(http_triggers: list[dict[str, Any]]) -> None:
    for trigger in http_triggers:
        if is_proxied(trigger["route"]):
            assert len(trigger["methods"]) == 7, trigger["name"]


def test_no_function_uses_the_hosts_own_keys(http_triggers: list[dict[str, Any]]) -> None:
    assert {str(trigger["authLevel"]).rsplit(".", 1)[-1].lower() for trigger in http_triggers} == {"anonymous"}


def test_no_route_begins_with_what_the_host_reserves(http_triggers: list[dict[str, Any]]) -> None:
    assert not [trigger["route"] for trigger in http_triggers if trigger["route"].startswith(("admin", "runtime"))]


@pytest.mark.parametrize(
    "path", ["/v1/threads", "/v1/assistants", "/v1/organization/costs", "/v1/chat/completions/abc", "/v1/conversations"]
)
def test_what_is_not_in_the_table_does_not_exist(path: str) -> None:
    with pytest.raises(NotFound):
        Routes().find("POST", path)
