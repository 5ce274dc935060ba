"""What every provider can do: say which operations it has, and write a request for one. It never sends anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.providers.model import Deployment, UpstreamRequest
from shared.wire.openai.endpoints import Endpoint

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A call in the caller's words: `path` has its ids filled in, `query` is raw, without the question mark.

    `headers` are those of the caller that may travel; `body` is None where the operation has none.
    """

    endpoint: Endpoint
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None


class Provider(Protocol):
    """One way of speaking to an upstream."""

    needs_token: bool
    """Whether `credential` is an Entra ID token for the deployment's scope; else it is its secret."""

    def lacks(self, endpoint: Endpoint) -> str | None:
        """The upstream's name, when it does not have this operation; else None."""

    def body_names_model(self, endpoint: Endpoint, deployment: Deployment) -> bool:
        """Whether the body's model must be the deployment's own name."""

    def request(self, operation: Operation, deployment: Deployment, model: str, credential: str) -> UpstreamRequest:
        """Write the request: address, credentials, and the caller's body and headers as they are."""
