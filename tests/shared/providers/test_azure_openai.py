"""Azure OpenAI is addressed in the form that its deployment has, whatever form the caller used."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.providers.azure_openai import DEFAULT_API_VERSION, AzureOpenAI
from shared.providers.base import Operation
from shared.providers.model import Deployment, UrlForm
from shared.wire.openai.endpoints import CHAT_COMPLETIONS, ENDPOINTS, RESPONSES, Endpoint

PROVIDER = AzureOpenAI()
V1 = Deployment("east", "azure_openai", "https://east.example", "gpt-4o-east")
DATED = replace(V1, url_form=UrlForm.DEPLOYMENTS, api_version="2025-04-01-preview")
HEADERS = (("accept", "text/event-stream"), ("x-custom", "é"))


def operation(endpoint: Endpoint, path: str | None = None, query: str = "", body: bytes | None = b"{}") -> Operation:
    return Operation(endpoint, endpoint.method, path or endpoint.path, query, HEADERS, body)


@pytest.mark.parametrize(
    ("deployment", "endpoint", "path", "query", "url"),
    [
        (V1, CHAT_COMPLETIONS, None, "", "https://east.example/openai/v1/chat/completions"),
        (
            V1,
            RESPONSES,
            "responses/r_1",
            "after=a&limit=2",
            "https://east.example/openai/v1/responses/r_1?after=a&limit=2",
        ),
        (
            replace(V1, api_version="preview"),
            CHAT_COMPLETIONS,
            None,
            "",
            "https://east.example/openai/v1/chat/completions?api-version=preview",
        ),
        (
            DATED,
            CHAT_COMPLETIONS,
            None,
            "",
            "https://east.example/openai/deployments/gpt-4o-east/chat/completions?api-version=2025-04-01-preview",
        ),
        (
            DATED,
            RESPONSES,
            "responses/r_1",
            "limit=2",
            "https://east.example/openai/responses/r_1?limit=2&api-version=2025-04-01-preview",
        ),
        (
            replace(DATED, api_version=None),
            RESPONSES,
            None,
            "",
            f"https://east.example/openai/responses?api-version={DEFAULT_API_VERSION}",
        ),
    ],
)
def test_the_address_has_the_deployments_form(
    deployment: Deployment, endpoint: Endpoint, path: str | None, query: str, url: str
) -> None:
    assert PROVIDER.request(operation(endpoint, path, query), deployment, "gpt-4o", "token").url == url


def test_the_request_carries_the_callers_body_and_headers_and_our_token() -> None:
    request = PROVIDER.request(operation(CHAT_COMPLETIONS, body=b'{"a" : 1}'), V1, "gpt-4o", "token")

    assert request.body == b'{"a" : 1}'
    assert request.method == "POST"
    assert request.headers == (*HEADERS, ("authorization", "Bearer token"))
    assert request.timeouts is V1.timeouts


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_a_models_name_stays_one_segment_of_the_address(model: str) -> None:
    deployment = replace(DATED, upstream_name="{model}")

    parts = urlsplit(PROVIDER.request(operation(CHAT_COMPLETIONS), deployment, model, "t").url)

    assert parts.netloc == "east.example"
    assert parts.path.startswith("/openai/deployments/")
    assert parts.path.endswith("/chat/completions")
    assert parts.path.count("/") == 5
    assert parse_qs(parts.query) == {"api-version": ["2025-04-01-preview"]}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_the_body_names_the_model_wherever_the_address_does_not(endpoint: Endpoint) -> None:
    in_address = "/deployments/" in PROVIDER.request(operation(endpoint), DATED, "m", "t").url

    assert PROVIDER.body_names_model(endpoint, DATED) is not in_address
    assert PROVIDER.body_names_model(endpoint, V1)


def test_what_azure_does_not_offer_is_known() -> None:
    lacking = {endpoint.name for endpoint in ENDPOINTS if PROVIDER.lacks(endpoint)}

    assert lacking == {
        "moderations",
        "images.variations",
        "uploads.create",
        "uploads.parts",
        "uploads.complete",
        "uploads.cancel",
    }
    assert PROVIDER.needs_token
