"""Finds out for whom an access token of Entra ID stands."""

import hashlib
from datetime import timedelta
from typing import Protocol

from shared.clock import Clock
from shared.identity.claims import bearer_of, expiry_of
from shared.identity.errors import TokenIssuer, TokenNotMapped, TokenRefused
from shared.identity.model import EntraConfig, Identified
from shared.identity.token import Unverified, json_object, looks_like_token
from shared.recent import Recent

KEPT = 4096
KEPT_S = 300.0
"""Seconds for which a token is not checked again: so long does a key serve that its issuer has withdrawn."""


class IssuerKey(Protocol):
    """A public key with which an issuer's signatures are checked."""

    def payload_of(self, token: str, algorithm: str) -> bytes | None:
        """Return what the token holds, if this key has signed it with this algorithm."""


class KeySet(Protocol):
    """The public keys of the tenants."""

    async def find(self, tenant: str, key_id: str) -> IssuerKey | None:
        """Return the key; None if the tenant has none of that id. Raises IdentityUnavailable where that cannot be known."""


class TokenIdentity:
    """Tokens that were good are remembered by their hash, so that the warm path neither waits nor verifies."""

    def __init__(self, config: EntraConfig, keys: KeySet, clock: Clock) -> None:
        self._config, self._keys, self._clock = config, keys, clock
        self._kept: Recent[bytes, tuple[float, Identified]] = Recent(KEPT)

    def looks_like_token(self, secret: str) -> bool:
        """Whether this is to be judged here, rather than as a virtual key."""
        return looks_like_token(secret)

    def cached(self, token: str) -> Identified | None:
        digest = _digest(token)
        kept = self._kept.get(digest)
        if kept is None:
            return None
        if self._now() >= kept[0]:
            del self._kept[digest]
            return None
        self._kept.move_to_end(digest)
        return kept[1]

    async def identify(self, token: str) -> Identified:
        """Return for whom the token stands. Raises TokenRefused and IdentityUnavailable."""
        unverified = Unverified.of(token)
        if unverified.tenant not in self._config.tenants:
            raise TokenIssuer
        key = await self._keys.find(unverified.tenant, unverified.key_id)
        payload = key.payload_of(token, unverified.algorithm) if key else None
        claims = json_object(payload) if payload else None
        if claims is None:
            raise TokenRefused("its signature is not that of a key of its issuer.")
        bearer = bearer_of(claims, self._config, unverified.tenant, self._now())
        mapping = self._config.mapping_for(bearer)
        if mapping is None:
            raise TokenNotMapped(bearer.has_hidden_groups and any(mapping.group for mapping in self._config.mappings))
        return self._keep(
            token,
            Identified(
                id=f"entra_{bearer.object_id if bearer.is_person else bearer.client_id}",
                owner=mapping.owner_of(bearer),
                role=mapping.role_in_gateway,
                endpoints=mapping.endpoints,
                models=mapping.models,
                expires_at=expiry_of(claims) + timedelta(seconds=self._config.leeway_s),
                name=bearer.name,
            ),
        )

    def _keep(self, token: str, identified: Identified) -> Identified:
        until = min(identified.expires_at.timestamp(), self._now() + KEPT_S)
        self._kept.remember(_digest(token), (until, identified))
        return identified

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _digest(token: str) -> bytes:
    """The token itself is not kept."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
