import pytest

from shared.gateway.health import readiness
from shared.providers.port import SecretUnavailable
from tests.shared.gateway.harness import Gateway


async def test_all_is_well(gateway: Gateway) -> None:
    assert await readiness(gateway.runtime) == {"configuration": True, "store": True, "credentials": True}


async def test_a_store_that_is_down_is_named(gateway: Gateway) -> None:
    gateway.documents.is_down = True

    assert (await readiness(gateway.runtime))["store"] is False


async def test_an_identity_that_gets_no_token_is_named(gateway: Gateway) -> None:
    gateway.tokens.is_broken = True

    assert (await readiness(gateway.runtime))["credentials"] is False


async def test_a_providers_secret_that_is_not_there_is_named(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(ref: str) -> None:
        raise SecretUnavailable(ref, "gone")

    monkeypatch.setattr(gateway.runtime.secrets, "resolve", missing)

    assert (await readiness(gateway.runtime))["credentials"] is False
