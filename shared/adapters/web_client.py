"""Posts alerts to webhooks: briefly, without following anybody elsewhere, and without letting an address out in an error."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from shared.alerts.ports import Answer, Unreachable
from shared.clock import Clock

LARGEST_ANSWER = 1024
_LONGEST_WAIT_S = 86_400.0


class AiohttpWebClient:
    """A WebClient with one session, made by the first call inside the running loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        """Return the status and what `Retry-After` says. Raises Unreachable.

        Errors are raised without their cause: the library's text holds the address, which is a secret.
        """
        session = self._session or self._open()
        try:
            async with session.post(
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                # A little of the body, so that a short answer leaves the connection usable.
                await response.content.read(LARGEST_ANSWER)
                return Answer(response.status, self._wait(response.headers.get("retry-after")))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise Unreachable("connect", may_have_arrived=False) from None
        except TimeoutError:
            raise Unreachable("timeout", may_have_arrived=True) from None
        except ValueError:
            raise Unreachable("address_invalid", may_have_arrived=False) from None
        except (aiohttp.ClientError, OSError):
            raise Unreachable("connection_lost", may_have_arrived=True) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=16, keepalive_timeout=15),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self._session

    def _wait(self, text: str | None) -> float | None:
        """Return the seconds of a Retry-After, which may be a number or a date (RFC 9110, 10.2.3); None for anything else."""
        if text is None:
            return None
        if text.isascii() and text.strip().isdigit():
            return min(float(text[:12]), _LONGEST_WAIT_S)
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        if at.tzinfo is None:
            return None
        return min(max(0.0, (at - self._clock.now()).total_seconds()), _LONGEST_WAIT_S)
