"""The hot path's HTTP client: aiohttp behind the transport port (docs/decisions/0002)."""

import asyncio
import errno

import aiohttp
from yarl import URL

from shared.providers.model import UpstreamRequest
from shared.providers.port import ConnectFailed, ConnectionLost, FirstByteTimeout, IdleTimeout

_AUTOMATIC = ("accept", "accept-encoding", "user-agent", "content-type")
_NO_LIMIT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class AiohttpResponse:
    """An answer that is still coming in."""

    __slots__ = ("_idle_s", "_raw", "headers", "status")

    def __init__(self, raw: aiohttp.ClientResponse, idle_s: float) -> None:
        self._raw = raw
        self._idle_s = idle_s
        self.status = raw.status
        self.headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw.raw_headers
        )

    def header(self, name: str) -> str | None:
        return self._raw.headers.get(name)

    async def read_some(self, wait_s: float) -> bytes | None:
        content = self._raw.content
        try:
            async with asyncio.timeout(wait_s):
                return await content.readany()
        except TimeoutError:
            return None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost from error

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read_some(self._idle_s):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                self.close()
                raise ConnectionLost(f"the answer is larger than {limit} bytes")
        if piece is None:
            self.close()
            raise IdleTimeout
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        self._raw.close()


class AiohttpTransport:
    """One session per process, made inside the running loop by the first call."""

    def __init__(self, connections_per_host: int = 0) -> None:
        self._connections_per_host = connections_per_host
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: UpstreamRequest) -> AiohttpResponse:
        limits = request.timeouts
        session = self._session or self._open()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s)
        try:
            async with asyncio.timeout(limits.connect_s + limits.first_byte_s):
                raw = await session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    timeout=timeout,
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectFailed from error
        except TimeoutError as error:
            raise FirstByteTimeout from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _lost(error) from error
        return AiohttpResponse(raw, limits.idle_s)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0, limit_per_host=self._connections_per_host, keepalive_timeout=60, ttl_dns_cache=30
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_LIMIT,
            skip_auto_headers=_AUTOMATIC,
            auto_decompress=True,
            raise_for_status=False,
            trust_env=False,
            read_bufsize=256 * 1024,
            max_line_size=32 * 1024,
            max_field_size=64 * 1024,
        )
        return self._session


def _lost(error: Exception) -> ConnectFailed | ConnectionLost:
    """A refusal by the kernel means that nothing was sent."""
    if isinstance(error, OSError) and error.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
        return ConnectFailed()
    return ConnectionLost()
