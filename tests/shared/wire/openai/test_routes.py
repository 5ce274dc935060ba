"""Every operation is found in every shape in which an SDK writes its address, and nothing else is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MethodNotAllowed, NotFound
from shared.wire.openai.endpoints import ENDPOINTS, Endpoint, Kind
from shared.wire.openai.routes import Routes

ROUTES = Routes()
PLAIN_SHAPES = ("/v1", "/openai/v1", "/openai")
DEPLOYMENT_SHAPES = ("/openai/deployments/{}", "/v1/deployments/{}")
BY_DEPLOYMENT = [endpoint for endpoint in ENDPOINTS if endpoint.by_deployment]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

ids = st.from_regex(r"[A-Za-z0-9_~@][A-Za-z0-9._:~@-]{0,60}", fullmatch=True)


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def filled(path: str, id: str = "obj-1") -> str:
    return re.sub(r"\{\w+\}", id, path)


@pytest.mark.parametrize("shape", PLAIN_SHAPES)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
def test_every_endpoint_is_reached_below_each_plain_prefix(endpoint: Endpoint, shape: str) -> None:
    for ending in ("", "/"):
        match = ROUTES.find(endpoint.method, f"{shape}/{filled(endpoint.path)}{ending}")

        assert match.endpoint is endpoint
        assert match.model is None
        assert match.path == filled(endpoint.path)
        assert match.azure_shaped is shape.startswith("/openai")


@pytest.mark.parametrize("shape", DEPLOYMENT_SHAPES)
@pytest.mark.parametrize("endpoint", BY_DEPLOYMENT, ids=named)
def test_a_generation_is_reached_below_a_deployment(endpoint: Endpoint, shape: str) -> None:
    match = ROUTES.find(endpoint.method, f"{shape.format('gpt-4o')}/{endpoint.path}")

    assert (match.endpoint, match.model, match.path) == (endpoint, "gpt-4o", endpoint.path)
    assert match.azure_shaped is shape.startswith("/openai")


@pytest.mark.parametrize("shape", DEPLOYMENT_SHAPES)
@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if not e.by_deployment], ids=named)
def test_nothing_else_is_below_a_deployment(endpoint: Endpoint, shape: str) -> None:
    with pytest.raises(NotFound):
        ROUTES.find(endpoint.method, f"{shape.format('gpt-4o')}/{filled(endpoint.path)}")


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS}))
def test_a_wrong_method_is_told_the_right_ones(path: str) -> None:
    allowed = {endpoint.method for endpoint in ENDPOINTS if endpoint.path == path}

    for method in METHODS:
        if method in allowed:
            assert ROUTES.find(method, f"/v1/{filled(path)}").endpoint.path == path
        else:
            with pytest.raises(MethodNotAllowed) as refused:
                ROUTES.find(method, f"/v1/{filled(path)}")
            assert refused.value.headers == {"allow": ", ".join(sorted(allowed))}


def test_no_operation_stands_in_the_table_twice() -> None:
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)


@given(ids, ids)
def test_ids_are_kept_as_the_caller_wrote_them(store: str, file: str) -> None:
    match = ROUTES.find("GET", f"/v1/vector_stores/{store}/files/{file}")

    assert match.ids == (store, file)
    assert match.owner_id == store
    assert match.endpoint.owned is Kind.VECTOR_STORE
    assert match.path == f"vector_stores/{store}/files/{file}"


def test_a_model_in_the_path_has_no_owner() -> None:
    assert ROUTES.find("GET", "/v1/models/gpt-4o").owner_id is None


def test_a_fixed_path_is_not_taken_for_an_id() -> None:
    assert ROUTES.find("POST", "/v1/responses/compact").endpoint.name == "responses.compact"
    with pytest.raises(MethodNotAllowed):
        ROUTES.find("GET", "/v1/responses/compact")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/",
        "/openai/v1/",
        "/v2/chat/completions",
        "/V1/chat/completions",
        "v1/chat/completions",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat//completions",
        "/v1/v1/chat/completions",
        "/v1/nothing/of/the/kind",
        "/v1/files/..",
        "/v1/files/.",
        "/v1/files/../content",
        "/v1/files/../../admin",
        "/v1/../v1/files/a/../../b",
        "/v1/files/%2e%2e",
        "/v1/files/a%2Fb",
        "/v1/files/a%2fcontent",
        "/v1/files/a\\b",
        "/v1/files//content",
        "/v1/files/ /content",
        "/v1/files/a?b",
        "/v1/files/a#b",
        "/v1/files/a\n",
        "/v1/files/\0",
        "/v1/files/é",
        "/v1/files/" + "a" * 513,
        "/openai/deployments//chat/completions",
        "/openai/deployments/../chat/completions",
        "/openai/deployments/./chat/completions",
        "/openai/deployments/a%2Fb/chat/completions",
        "/openai/deployments/a/b/chat/completions",
        "/openai/deployments/" + "a" * 513 + "/chat/completions",
        "/openai/deployments/gpt-4o",
        "/openai/deployments/gpt-4o/",
        "/openai/deployments/gpt-4o/files",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_means_nothing_is_not_found(method: str, path: str) -> None:
    with pytest.raises(NotFound) as refused:
        ROUTES.find(method, path)

    assert refused.value.code == "unknown_url"
    assert len(refused.value.message) < 400


def test_an_id_may_have_dots_but_not_be_one_step_up() -> None:
    assert ROUTES.find("GET", "/v1/models/..a").ids == ("..a",)
    assert ROUTES.find("GET", "/v1/models/gpt-4.1").ids == ("gpt-4.1",)
    assert ROUTES.find("GET", "/v1/models/...").ids == ("...",)


@given(st.text(max_size=60), st.sampled_from(("", "/v1/", "/openai/", "/openai/deployments/")))
def test_any_text_is_an_endpoint_or_a_refusal(text: str, prefix: str) -> None:
    try:
        found = ROUTES.find("GET", prefix + text).path
    except (NotFound, MethodNotAllowed):
        found = ""

    assert not {".", "..", "%"} & set(found.split("/"))
