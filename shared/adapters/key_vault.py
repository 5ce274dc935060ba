"""Resolves secret_refs: `env:NAME` from the environment, `kv://vault/name[/version]` from Key Vault, `db://name` from the store."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.adapters.entra import Credential, credentials
from shared.clock import Clock, SystemClock
from shared.documents import StoreUnavailable
from shared.providers.port import SecretUnavailable
from shared.redaction import Secret
from shared.single_flight import SingleFlight

TTL_S = 300.0
"""Seconds for which a secret is kept: a rotated one is seen after at most this time, or at once after a 401."""

_VAULT_REF = re.compile(r"kv://([A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9])/([A-Za-z0-9-]{1,127})(?:/([0-9a-f]{32}))?")
_STORED_REF = re.compile(r"db://([A-Za-z0-9][A-Za-z0-9._-]{0,63})")


class VaultClient(Protocol):
    """What is used of azure.keyvault.secrets.aio.SecretClient."""

    def get_secret(self, name: str, version: str | None = None) -> Awaitable[Any]: ...

    async def close(self) -> None: ...


class SealedSecrets(Protocol):
    """Secrets that an operator has put into the gateway's own store."""

    async def reveal(self, name: str) -> Secret | None:
        """The value, or None where there is none. Raises SecretUnavailable and StoreUnavailable."""


type ClientFactory = Callable[[str, Any], VaultClient]
"""From a vault's address and a credential."""


@dataclass(frozen=True, slots=True)
class _Kept:
    secret: Secret
    until: float


class SecretResolver:
    """A SecretSource that keeps what it reads; concurrent callers share one look into the vault."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        in_azure: bool,
        clock: Clock | None = None,
        credential_factory: Callable[[str | None], Credential] | None = None,
        client_factory: ClientFactory | None = None,
        stored: SealedSecrets | None = None,
        patience_s: float = 30.0,
    ) -> None:
        """Without `stored`, no `db://name` resolves."""
        self._environment, self._patience_s = environment, patience_s
        self._clock = clock or SystemClock()
        self._make_credential = credential_factory or credentials(in_azure or "IDENTITY_ENDPOINT" in environment)
        self._make_client = client_factory or _secret_client
        self._stored = stored
        self._kept: dict[str, _Kept] = {}
        self._readings: SingleFlight[str, Secret] = SingleFlight()

    async def resolve(self, ref: str) -> Secret:
        """Return the value. Raises SecretUnavailable, which names the reference and never the value."""
        if ref.startswith("env:"):
            return self._from_environment(ref)
        kept = self._kept.get(ref)
        if kept is not None and self._clock.monotonic() < kept.until:
            return kept.secret
        return await self._readings.run(ref, lambda: self._looked_up(ref))

    def invalidate(self, ref: str) -> None:
        self._kept.pop(ref, None)

    async def close(self) -> None:
        await self._readings.close()

    def _from_environment(self, ref: str) -> Secret:
        value = self._environment.get(ref.removeprefix("env:"))
        if not value:
            raise SecretUnavailable(ref, "the environment variable is not set")
        return Secret(value)

    async def _looked_up(self, ref: str) -> Secret:
        if match := _VAULT_REF.fullmatch(ref):
            secret = await self._from_vault(ref, *match.groups())
        elif match := _STORED_REF.fullmatch(ref):
            secret = await self._from_store(ref, match[1])
        else:
            # It may be a secret that was put where its reference belongs.
            raise SecretUnavailable("a secret_ref", "is neither env:NAME nor kv://vault/name[/version] nor db://name")
        self._kept[ref] = _Kept(secret, self._clock.monotonic() + TTL_S)
        return secret

    async def _from_store(self, ref: str, name: str) -> Secret:
        if self._stored is None:
            raise SecretUnavailable(ref, "stored secrets cannot be used here")
        try:
            secret = await self._stored.reveal(name)
        except StoreUnavailable as error:
            raise SecretUnavailable(ref, "the store did not give it") from error
        if secret is None:
            raise SecretUnavailable(ref, "there is no such secret in the store")
        return secret

    async def _from_vault(self, ref: str, vault: str, name: str, version: str | None) -> Secret:
        value = await self._read(ref, vault, name, version)
        if not value:
            raise SecretUnavailable(ref, "the secret is empty")
        return Secret(value)

    async def _read(self, ref: str, vault: str, name: str, version: str | None) -> str | None:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        credential = self._make_credential(None)
        client = self._make_client(f"https://{vault}.vault.azure.net", credential)
        try:
            async with asyncio.timeout(self._patience_s):
                value: str | None = (await client.get_secret(name, version)).value
        except ResourceNotFoundError:
            raise SecretUnavailable(ref, "there is no such secret in the vault") from None
        except (AzureError, OSError) as error:
            raise SecretUnavailable(ref, f"the vault did not give it ({type(error).__name__})") from error
        finally:
            await client.close()
            await credential.close()
        return value


def _secret_client(vault_url: str, credential: Any) -> VaultClient:
    from azure.keyvault.secrets.aio import SecretClient

    return SecretClient(vault_url, credential)
