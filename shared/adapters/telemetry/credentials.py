"""The identity that telemetry is sent with: a synchronous credential, as exporters work in threads of their own."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from shared.adapters.telemetry.configured import identity
from shared.settings import runs_in_azure


class Credential(Protocol):
    """What is used of azure.identity's credentials."""

    def get_token(self, *scopes: str, **options: Any) -> Any: ...


type CredentialFactory = Callable[[str | None], Credential]
"""Makes a credential for a client id; without one, for the identity that there is."""


def credential_of(environment: Mapping[str, str], factory: CredentialFactory | None) -> Credential | None:
    """Return what makes the tokens; None where none are asked for. Raises TelemetryMisconfigured."""
    who = identity(environment)
    return None if who is None else (factory or _factory(environment))(who.client_id)


def _factory(environment: Mapping[str, str]) -> CredentialFactory:
    has_managed_identity = "IDENTITY_ENDPOINT" in environment or runs_in_azure(environment)

    def make(client_id: str | None) -> Credential:
        from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

        if has_managed_identity:
            return ManagedIdentityCredential(client_id=client_id)
        return DefaultAzureCredential(managed_identity_client_id=client_id)

    return make
