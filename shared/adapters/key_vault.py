"""Resolves secret_refs: `env:NAME` from the environment, `kv://vault/name[/version]` from Key Vault."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock, SystemClock
from shared.providers.port import SecretUnavailable
from shared.redaction import Secret

TTL_S = 300.0
"""Seconds for which a secret is kept: a rotated one is seen after at most this time, or at once after a 401."""


@dataclass(frozen=True, slots=True)
class _Cached:
    secret: Secret
    until: float


class SecretResolver:
    """Secrets by reference, cached. A vault that does not answer leaves the last known value in use."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        in_azure: bool,
        clock: Clock | None = None,
        client_factory: Callable[[str], Any] | None = None,
    ) -> None:
        self._environment = environment
        self._in_azure = in_azure
        self._clock = clock or SystemClock()
        self._make = client_factory or self._client
        self._clients: dict[str, Any] = {}
        self._credential: Any = None
        self._cached: dict[str, _Cached] = {}

    async def resolve(self, ref: str) -> Secret:
        """Return the value. Raises SecretUnavailable, which names the reference and never the value."""
        cached = self._cached.get(ref)
        now = self._clock.monotonic()
        if cached is not None and now < cached.until:
            return cached.secret
        try:
            secret = Secret(await self._read(ref))
        except SecretUnavailable:
            if cached is None:
                raise
            secret = cached.secret
        self._cached[ref] = _Cached(secret, now + TTL_S)
        return secret

    def invalidate(self, ref: str) -> None:
        self._cached.pop(ref, None)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
        if self._credential is not None:
            await self._credential.close()
            self._credential = None

    async def _read(self, ref: str) -> str:
        scheme, _, rest = ref.partition(":")
        if scheme == "env":
            value = self._environment.get(rest)
            if not value:
                raise SecretUnavailable(ref, "the environment variable is not set")
            return value
        if scheme == "kv" and rest.startswith("//"):
            return await self._from_vault(ref, *rest[2:].split("/"))
        raise SecretUnavailable(ref, "is neither env:NAME nor kv://vault/name")

    async def _from_vault(self, ref: str, vault: str, name: str, version: str | None = None) -> str:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        client = self._clients.get(vault)
        if client is None:
            client = self._clients[vault] = self._make(f"https://{vault}.vault.azure.net")
        try:
            found = await client.get_secret(name, version)
        except ResourceNotFoundError:
            raise SecretUnavailable(ref, "no such secret in the vault") from None
        except (AzureError, OSError) as error:
            raise SecretUnavailable(ref, f"the vault did not answer ({type(error).__name__})") from error
        if not found.value:
            raise SecretUnavailable(ref, "the secret is empty")
        return str(found.value)

    def _client(self, vault_url: str) -> Any:
        from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
        from azure.keyvault.secrets.aio import SecretClient

        if self._credential is None:
            self._credential = ManagedIdentityCredential() if self._in_azure else DefaultAzureCredential()
        return SecretClient(vault_url, self._credential)
