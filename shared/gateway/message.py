"""A request and a response as the gateway sees them, free of any host."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

HeaderList = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """`headers` has lower-case names, the last of repeated ones; `header_list` has them all, in order.

    `path` is decoded, `query` is raw and without the question mark. `body` may be iterated once.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    header_list: HeaderList
    body: Callable[[], AsyncGenerator[bytes]]
    address: str = ""


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """Either bytes or a stream; a stream is closed by its reader, also when the caller has gone."""

    status: int
    headers: HeaderList
    body: bytes | AsyncGenerator[bytes]
