"""Any other upstream is called below its base URL with its own key."""

import pytest

from shared.providers.base import Operation
from shared.providers.model import Deployment
from shared.providers.openai_compatible import OpenAICompatible
from shared.wire.openai.endpoints import CHAT_COMPLETIONS, ENDPOINTS, MODELS, Endpoint

PROVIDER = OpenAICompatible()
DEPLOYMENT = Deployment("plain", "openai_compatible", "https://plain.example/v1", "{model}", secret_ref="env:PLAIN")


@pytest.mark.parametrize(
    ("endpoint", "query", "url"),
    [
        (CHAT_COMPLETIONS, "", "https://plain.example/v1/chat/completions"),
        (MODELS, "limit=2", "https://plain.example/v1/models?limit=2"),
    ],
)
def test_the_address_is_the_base_and_the_path(endpoint: Endpoint, query: str, url: str) -> None:
    operation = Operation(endpoint, endpoint.method, endpoint.path, query, (("accept", "a"),), None)

    request = PROVIDER.request(operation, DEPLOYMENT, "m", "secret")

    assert (request.url, request.method, request.body) == (url, endpoint.method, None)
    assert request.headers == (("accept", "a"), ("authorization", "Bearer secret"))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_nothing_is_known_to_be_lacking_and_the_body_names_the_model(endpoint: Endpoint) -> None:
    assert PROVIDER.lacks(endpoint) is None
    assert PROVIDER.body_names_model(endpoint, DEPLOYMENT)
    assert not PROVIDER.needs_token
