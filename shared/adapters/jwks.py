"""The public keys with which Entra ID's tenants sign, fetched when first needed, and again when an unknown one is named."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from shared.clock import Clock
from shared.identity.errors import IdentityUnavailable
from shared.single_flight import SingleFlight

FRESH_S = 24 * 3600.0
"""Seconds after which the keys are fetched anew, in the background. Entra ID announces a key long before it signs with it."""

COOLDOWN_S = 30.0
"""Seconds between two fetches for one tenant, however many unknown keys are named."""

RETRY_S = 5.0
"""The same while there are no keys at all, so that an outage at the start does not outlast itself for long."""

LARGEST = 256 * 1024
_SMALLEST_RSA = 2048
_KINDS: Mapping[tuple[str, str | None], tuple[tuple[str, ...], frozenset[str]]] = {
    ("RSA", None): (("kty", "n", "e"), frozenset({"RS256", "PS256"})),
    ("EC", "P-256"): (("kty", "crv", "x", "y"), frozenset({"ES256"})),
}
"""Of each kind of key the public members, and what it may have signed with."""

_PLAIN = {"accept-encoding": "identity"}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JwksKey:
    """An IssuerKey: a public key, and the algorithms that its type and its issuer allow."""

    public: Any
    algorithms: frozenset[str]

    def payload_of(self, token: str, algorithm: str) -> bytes | None:
        from jwt import PyJWTError, api_jws

        if algorithm not in self.algorithms:
            return None
        try:
            payload: bytes = api_jws.decode_complete(token, self.public, algorithms=[algorithm])["payload"]
        except PyJWTError:
            return None
        return payload


@dataclass(slots=True)
class _Tenant:
    """What is known of a tenant's keys. Times are monotonic; `failed` tells of the last fetch."""

    keys: Mapping[str, JwksKey] = field(default_factory=dict)
    fresh_until: float = 0.0
    next_fetch: float = 0.0
    failed: bool = False


class JwksKeySet:
    """A KeySet. Keys that are known serve on while their issuer cannot be reached."""

    def __init__(
        self,
        url_of: Callable[[str], str],
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        patience_s: float = 5.0,
    ) -> None:
        self._url_of, self._clock, self._patience_s = url_of, clock, patience_s
        self._tls: ssl.SSLContext | bool = tls or True
        self._tenants: dict[str, _Tenant] = {}
        self._fetches: SingleFlight[str, None] = SingleFlight()

    async def find(self, tenant: str, key_id: str) -> JwksKey | None:
        """Return the tenant's key; None if it has none of that id. Raises IdentityUnavailable where that cannot be known."""
        known = self._tenants.setdefault(tenant, _Tenant())
        key = known.keys.get(key_id)
        now = self._clock.monotonic()
        if key is not None:
            if now >= max(known.fresh_until, known.next_fetch):
                self._fetches.start(tenant, lambda: self._fetch(tenant, known))
            return key
        if now >= known.next_fetch:
            await self._fetches.run(tenant, lambda: self._fetch(tenant, known))
        key = known.keys.get(key_id)
        if key is None and known.failed:
            raise IdentityUnavailable
        return key

    async def close(self) -> None:
        await self._fetches.close()

    async def _fetch(self, tenant: str, known: _Tenant) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                body = await self._read(self._url_of(tenant))
            # In a thread: PyJWT is imported with the first keys, which takes a while.
            known.keys = await asyncio.to_thread(_keys_in, body)
            known.fresh_until = self._clock.monotonic() + FRESH_S
            known.failed = False
        except (aiohttp.ClientError, OSError, ValueError) as error:
            _LOG.warning("the keys of the tenant %s cannot be read: %s", tenant, type(error).__name__)
            known.failed = True
        known.next_fetch = self._clock.monotonic() + (COOLDOWN_S if known.keys else RETRY_S)

    async def _read(self, url: str) -> bytes:
        """Return the answer's body. Raises ValueError if it is no answer that can be used."""
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session,
            session.get(url, allow_redirects=False, ssl=self._tls, headers=_PLAIN) as response,
        ):
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > LARGEST:
                    raise ValueError(f"larger than {LARGEST} bytes")
            return bytes(body)


def _keys_in(body: bytes) -> dict[str, JwksKey]:
    """Return the usable keys by their ids. Raises ValueError where there are none: that is a failure, not a tenant's choice."""
    document = orjson.loads(body)
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = {
        entry["kid"]: key
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("kid"), str) and (key := _key(entry)) is not None
    }
    if not keys:
        raise ValueError("no usable keys")
    return keys


def _key(entry: Mapping[str, Any]) -> JwksKey | None:
    """Return a key for signatures; None for one of another use or kind, and for one that is too short to be believed."""
    from jwt import PyJWK, PyJWTError

    members, algorithms = _KINDS.get(_kind_of(entry), ((), frozenset()))
    if "alg" in entry:
        algorithms &= {str(entry["alg"])}
    if not algorithms or entry.get("use", "sig") != "sig":
        return None
    try:
        public = PyJWK({name: entry[name] for name in members}, min(algorithms)).key
    except (PyJWTError, KeyError, ValueError, TypeError):
        return None
    return JwksKey(public, algorithms) if entry["kty"] == "EC" or public.key_size >= _SMALLEST_RSA else None


def _kind_of(entry: Mapping[str, Any]) -> tuple[str, str | None]:
    return str(entry.get("kty")), str(entry["crv"]) if "crv" in entry else None
