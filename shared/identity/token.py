"""The form of an access token, before anything in it is believed."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

from shared.identity.errors import TokenRefused

LONGEST = 16 * 1024
"""Entra ID lists at most 200 groups, which makes about 11 KB."""

ALGORITHMS = ("RS256", "PS256", "ES256")
_LONGEST_HEADER = 2048
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")


@dataclass(frozen=True, slots=True)
class Unverified:
    """What the token says of itself; only good for finding the key that may prove it."""

    algorithm: str
    key_id: str
    tenant: str

    @classmethod
    def of(cls, token: str) -> Self:
        """Raises TokenRefused."""
        parts = _PARTS.fullmatch(token) if len(token) <= LONGEST else None
        header = _header(parts[1]) if parts else None
        claims = json_object(_decoded(parts[2])) if parts else None
        if header is None or claims is None:
            raise TokenRefused("it is not a well-formed JSON Web Token.")
        algorithm, key_id, tenant = header.get("alg"), header.get("kid"), claims.get("tid")
        if algorithm not in ALGORITHMS or "crit" in header or "b64" in header:
            raise TokenRefused("it is not signed in the way that Entra ID signs.")
        if not isinstance(key_id, str) or not isinstance(tenant, str):
            raise TokenRefused("it names no key or no tenant, so Entra ID did not issue it.")
        return cls(algorithm, key_id, tenant.lower())


def looks_like_token(secret: str) -> bool:
    """Whether this has the three parts of a signed token, the first of them a header that names an algorithm."""
    if secret.count(".") != 2:
        return False
    header = _header(secret.partition(".")[0])
    return header is not None and "alg" in header and _PARTS.fullmatch(secret) is not None


def json_object(text: bytes) -> Mapping[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _header(part: str) -> Mapping[str, Any] | None:
    return json_object(_decoded(part)) if len(part) <= _LONGEST_HEADER else None


def _decoded(part: str) -> bytes:
    """Return the bytes behind base64url; none where it is not base64url."""
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
