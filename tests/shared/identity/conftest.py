"""A gateway that takes the tokens of one issuer, whose keys are at hand."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.jwks import JwksKey
from shared.identity.errors import IdentityUnavailable
from shared.identity.model import EntraConfig
from shared.identity.service import TokenIdentity
from tests.fakes import FakeClock
from tests.peers.issuer import GATEWAY, TENANT, Issuer, ec_key, rsa_key

OTHER_TENANT = "6f1c2a30-0000-4000-8000-00000000000b"
MAPPINGS = ({"role": "Gateway.Use", "owner": "teams/search"},)


class KnownKeys:
    """The KeySet port over what the issuer publishes; counts how often it is asked."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.asked = 0
        self.is_down = False

    async def find(self, tenant: str, key_id: str) -> JwksKey | None:
        self.asked += 1
        if self.is_down:
            raise IdentityUnavailable
        if tenant != TENANT or key_id not in self._issuer.published:
            return None
        if key_id.startswith("ec"):
            return JwksKey(ec_key(key_id).public_key(), frozenset({"ES256"}))
        return JwksKey(rsa_key(key_id).public_key(), frozenset({"RS256", "PS256"}))


type Gateway = Callable[..., TokenIdentity]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer(clock: FakeClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def keys(issuer: Issuer) -> KnownKeys:
    return KnownKeys(issuer)


@pytest.fixture
def gateway(clock: FakeClock, issuer: Issuer, keys: KnownKeys) -> Gateway:
    def build(*mappings: dict[str, Any], **fields: Any) -> TokenIdentity:
        given = {
            "tenants": [TENANT, OTHER_TENANT],
            "audiences": [GATEWAY, f"api://{GATEWAY}"],
            "authority": issuer.authority,
            "mappings": mappings or MAPPINGS,
            **fields,
        }
        return TokenIdentity(EntraConfig.model_validate(given), keys, clock)

    return build
