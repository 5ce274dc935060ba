"""Access tokens of the gateway's own identity, from azure-identity, cached and renewed before they expire."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from shared.clock import Clock
from shared.providers.port import CredentialUnavailable
from shared.redaction import redact
from shared.single_flight import SingleFlight

RENEW_S = 600
"""Seconds before expiry at which a token is renewed in the background, while it still serves."""

UNUSABLE_S = 60
"""Seconds before expiry at which a token is no longer handed out."""

_LOG = logging.getLogger(__name__)


class Credential(Protocol):
    """What is used of azure.identity.aio's credentials."""

    async def get_token(self, *scopes: str) -> Any: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Token:
    """`fresh_until` and `usable_until` are UTC timestamps."""

    value: str
    fresh_until: float
    usable_until: float


class EntraTokens:
    """A TokenSource. The warm path is one look-up and one comparison; concurrent callers share one renewal.

    Every renewal makes a credential of its own: azure-identity's credentials keep tokens too, and would answer an
    `invalidate` with the very token that was refused.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        in_azure: bool,
        has_identity_endpoint: bool,
        credential_factory: Callable[[str | None], Credential] | None = None,
        patience_s: float = 30.0,
    ) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._make = credential_factory or credentials(in_azure or has_identity_endpoint)
        self._tokens: dict[tuple[str, str | None], _Token] = {}
        self._renewals: SingleFlight[tuple[str, str | None], _Token] = SingleFlight()

    def cached(self, scope: str, client_id: str | None = None) -> str | None:
        """The token, if one is at hand that need not be renewed yet."""
        token = self._tokens.get((scope, client_id))
        return token.value if token is not None and self._now() < token.fresh_until else None

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        """A valid token. Raises CredentialUnavailable.

        While a token is being renewed it still serves; should the renewal fail, the next caller tries again.
        """
        key = (scope, client_id)
        token = self._tokens.get(key)
        if token is not None and self._now() < token.fresh_until:
            return token.value
        renewal = self._renewals.start(key, lambda: self._renew(scope, client_id))
        if token is not None and self._now() < token.usable_until:
            return token.value
        return (await asyncio.shield(renewal)).value

    def invalidate(self, refused: str, scope: str, client_id: str | None = None) -> None:
        token = self._tokens.get((scope, client_id))
        if token is not None and token.value == refused:
            del self._tokens[scope, client_id]

    async def close(self) -> None:
        await self._renewals.close()

    async def _renew(self, scope: str, client_id: str | None) -> _Token:
        from azure.core.exceptions import AzureError

        try:
            token = await self._fetch(scope, client_id)
        except (AzureError, ValueError, OSError) as error:
            # The SDK's text can name tenants and endpoints: it belongs in the operator's log, not in an answer.
            _LOG.warning("no token for %s: %s", scope, redact(str(error)))
            raise CredentialUnavailable(type(error).__name__) from error
        self._tokens[scope, client_id] = token
        return token

    async def _fetch(self, scope: str, client_id: str | None) -> _Token:
        credential = self._make(client_id)
        try:
            async with asyncio.timeout(self._patience_s):
                token = await credential.get_token(scope)
        finally:
            await credential.close()
        return self._usable(token.token, token.expires_on)

    def _usable(self, value: str, expires_on: float) -> _Token:
        """Decide until when a token serves; a short-lived one is renewed at the middle of its life. Raises ValueError."""
        now = self._now()
        left = expires_on - now
        if left <= UNUSABLE_S:
            raise ValueError(f"the token expires in {left:.0f} s")
        return _Token(value, now + max(left - RENEW_S, left / 2 - UNUSABLE_S / 2), expires_on - UNUSABLE_S)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def credentials(managed_identity: bool) -> Callable[[str | None], Credential]:
    """Say how to make a credential for a client id: the managed identity's, or whatever this machine is signed in with."""

    def make(client_id: str | None) -> Credential:
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

        if managed_identity:
            return ManagedIdentityCredential(client_id=client_id)
        return DefaultAzureCredential(managed_identity_client_id=client_id)

    return make
