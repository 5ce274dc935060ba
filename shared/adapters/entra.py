"""Access tokens of the gateway's own identity, from azure-identity, cached and renewed before they expire."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from shared.clock import Clock
from shared.providers.port import CredentialUnavailable

RENEW_S = 600
"""Seconds before expiry at which a token is renewed in the background, while it still serves."""

UNUSABLE_S = 60
"""Seconds before expiry at which a token is no longer handed out."""


class Credential(Protocol):
    """What is used of azure.identity.aio's credentials."""

    async def get_token(self, *scopes: str) -> Any: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    expires_on: float


class EntraTokens:
    """Tokens per (scope, client id). The warm path is one look-up; concurrent callers share one renewal."""

    def __init__(
        self,
        clock: Clock,
        *,
        in_azure: bool,
        has_identity_endpoint: bool,
        credential_factory: Callable[[str | None], Credential] | None = None,
    ) -> None:
        self._clock = clock
        self._uses_managed_identity = in_azure or has_identity_endpoint
        self._make = credential_factory or self._credential
        self._credentials: dict[str | None, Credential] = {}
        self._tokens: dict[tuple[str, str | None], _Token] = {}
        self._renewals: dict[tuple[str, str | None], asyncio.Task[_Token]] = {}

    def cached(self, scope: str, client_id: str | None = None) -> str | None:
        """The token, if one is at hand that need not be renewed yet."""
        token = self._tokens.get((scope, client_id))
        if token is None or self._left(token) < RENEW_S:
            return None
        return token.value

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        """A valid token. Raises CredentialUnavailable.

        A token that is about to expire is handed out once more while its successor is fetched; should that fail, the next
        caller tries again.
        """
        token = self._tokens.get((scope, client_id))
        if token is not None and self._left(token) >= RENEW_S:
            return token.value
        renewal = self._renew(scope, client_id)
        if token is not None and self._left(token) >= UNUSABLE_S:
            return token.value
        return (await asyncio.shield(renewal)).value

    def invalidate(self, scope: str, client_id: str | None = None) -> None:
        self._tokens.pop((scope, client_id), None)

    async def close(self) -> None:
        for renewal in list(self._renewals.values()):
            renewal.cancel()
        for credential in self._credentials.values():
            await credential.close()
        self._credentials.clear()

    def _left(self, token: _Token) -> float:
        return token.expires_on - self._clock.now().timestamp()

    def _renew(self, scope: str, client_id: str | None) -> asyncio.Task[_Token]:
        key = (scope, client_id)
        renewal = self._renewals.get(key)
        if renewal is None:
            renewal = self._renewals[key] = asyncio.get_running_loop().create_task(self._fetch(scope, client_id))
            renewal.add_done_callback(lambda task: self._renewed(key, task))
        return renewal

    def _renewed(self, key: tuple[str, str | None], task: "asyncio.Task[_Token]") -> None:
        del self._renewals[key]
        if not task.cancelled() and task.exception() is None:
            self._tokens[key] = task.result()

    async def _fetch(self, scope: str, client_id: str | None) -> _Token:
        from azure.core.exceptions import AzureError

        credential = self._credentials.get(client_id)
        if credential is None:
            credential = self._credentials[client_id] = self._make(client_id)
        try:
            token = await credential.get_token(scope)
        except (AzureError, ValueError, OSError) as error:
            # The SDK's text can name tenants and endpoints: it belongs in the operator's log, not in an answer.
            raise CredentialUnavailable(type(error).__name__) from error
        return _Token(token.token, token.expires_on)

    def _credential(self, client_id: str | None) -> Credential:
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

        if self._uses_managed_identity:
            return ManagedIdentityCredential(client_id=client_id)
        return DefaultAzureCredential(managed_identity_client_id=client_id)
