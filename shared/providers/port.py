"""The ports through which an upstream is reached: a transport that moves bytes, and a source of tokens."""

from collections.abc import Sequence
from typing import Protocol

from shared.providers.model import UpstreamRequest
from shared.redaction import Secret


class CredentialUnavailable(Exception):
    """No upstream credential could be had; our own trouble, never the caller's."""


class UpstreamFailure(Exception):
    """The upstream did not answer, or stopped answering. `kind` is one word for logs and usage events."""

    kind = "failed"


class ConnectFailed(UpstreamFailure):
    """No connection: nothing was sent, so another try is safe."""

    kind = "connect"


class FirstByteTimeout(UpstreamFailure):
    kind = "first_byte_timeout"


class IdleTimeout(UpstreamFailure):
    kind = "idle_timeout"


class ConnectionLost(UpstreamFailure):
    """The connection broke, before the answer or in the middle of it."""

    kind = "connection_lost"


class UpstreamResponse(Protocol):
    """An answer whose headers are here and whose body is still coming."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Names in lower case, in the order received; the body is already decoded where it was compressed."""

    def header(self, name: str) -> str | None:
        """The first header of that lower-case name."""

    async def read_some(self, wait_s: float) -> bytes | None:
        """What has arrived: b"" at the end of the body, None after `wait_s` seconds of silence. Raises ConnectionLost."""

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises IdleTimeout, and ConnectionLost also past `limit` bytes."""

    def close(self) -> None:
        """Drop the connection if the body is not at its end; harmless to call twice."""


class UpstreamTransport(Protocol):
    """Sends one request over a pooled connection."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Return once the headers are here. Raises UpstreamFailure."""

    async def close(self) -> None: ...


class TokenSource(Protocol):
    """Entra ID access tokens of the gateway's own identity, cached."""

    def cached(self, scope: str, client_id: str | None = None) -> str | None:
        """The token, if one is at hand and not about to expire."""

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        """A valid token. Raises CredentialUnavailable."""

    def invalidate(self, refused: str, scope: str, client_id: str | None = None) -> None:
        """Forget a token that the upstream refused, unless another has taken its place already."""

    async def close(self) -> None: ...


class SecretVault(Protocol):
    """Secrets that resources refer to as `db://name`. Values go in and are used; they never come back."""

    async def put(self, name: str, value: str) -> None: ...

    async def names(self) -> Sequence[str]: ...

    async def delete(self, name: str) -> bool: ...


class SecretSource(Protocol):
    """Values behind `secret_ref`s (`env:NAME`, `kv://vault/name`), cached."""

    async def resolve(self, ref: str) -> Secret:
        """The value. Raises SecretUnavailable."""

    def invalidate(self, ref: str) -> None: ...

    async def close(self) -> None: ...


class SecretUnavailable(Exception):
    """A secret_ref did not resolve; the text names the ref, never the value."""

    def __init__(self, ref: str, reason: str) -> None:
        super().__init__(f"{ref}: {reason}")
        self.ref = ref
