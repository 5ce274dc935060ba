"""The table of operations holds together, so that no route is unmetered or unowned."""

import re

import pytest

from shared.wire.openai.endpoints import ENDPOINTS, Body, Endpoint, Meter, ModelIn, Served


def named(endpoint: Endpoint) -> str:
    return endpoint.name


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
def test_an_object_in_the_path_has_an_owner(endpoint: Endpoint) -> None:
    assert ("{id}" in endpoint.path) <= (endpoint.owned is not None or endpoint.served is Served.MODELS)
    assert re.fullmatch(r"[a-z_]+(/([a-z_]+|\{(id|part|item)\}))*", endpoint.path)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
def test_the_model_is_where_the_body_can_hold_it(endpoint: Endpoint) -> None:
    if endpoint.model in (ModelIn.BODY, ModelIn.BODY_OPTIONAL, ModelIn.SESSION):
        assert endpoint.body in (Body.JSON, Body.MULTIPART, Body.FORM_OR_JSON)
    if endpoint.method in ("GET", "DELETE"):
        assert endpoint.body is Body.NONE


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
def test_what_generates_is_metered_and_names_its_model(endpoint: Endpoint) -> None:
    assert (endpoint.meter is not Meter.REQUEST) <= (endpoint.model in (ModelIn.BODY, ModelIn.BODY_OPTIONAL))
    assert endpoint.by_deployment <= (endpoint.meter is not Meter.REQUEST)
    assert endpoint.adds_usage <= (endpoint.meter in (Meter.CHAT, Meter.COMPLETION))


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.served is Served.OWNED_LIST], ids=named)
def test_a_list_is_answered_from_the_register_of_owners(endpoint: Endpoint) -> None:
    assert endpoint.method == "GET"
    assert endpoint.owned is not None
    assert "{" not in endpoint.path
