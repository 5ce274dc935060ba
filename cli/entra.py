"""Access tokens of Entra ID in place of a key: whatever azure-identity finds here, such as `az login`."""

import logging
from collections.abc import Callable

from cli.errors import refused


def token_source(scope: str) -> Callable[[], str]:
    """Return what gives a token for a scope; azure-identity keeps and renews it."""
    from azure.core.exceptions import AzureError
    from azure.identity import DefaultAzureCredential

    # It logs a page of text about every kind of credential that is not there.
    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
    credential = DefaultAzureCredential()

    def token() -> str:
        try:
            return credential.get_token(scope).token
        except AzureError:
            raise refused("no token could be had for this scope; try `az login`", "--entra-scope") from None

    return token
