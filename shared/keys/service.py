"""Finds out whose a virtual key is, and reads it from any of the headers that the SDKs use."""

from collections.abc import Mapping
from typing import Protocol

from shared.directory.model import FoundKey
from shared.keys.model import PREFIX, digest_of, is_mistyped

HEADERS = ("x-gateway-key", "api-key", "x-api-key")


class KeySource(Protocol):
    async def key(self, digest: str) -> FoundKey | None:
        """Return the key with this digest. Raises Unavailable where that cannot be told."""


class KeyService:
    """Looks keys up by their HMAC; the secrets themselves are not kept."""

    def __init__(self, source: KeySource, pepper: bytes) -> None:
        self._source = source
        self._pepper = pepper

    def digest(self, secret: str) -> str:
        return digest_of(secret, self._pepper)

    async def find(self, secret: str, digest: str) -> FoundKey | None:
        """Return the key of a secret, by its digest. What was mistyped is not looked up."""
        if secret.startswith(PREFIX) and is_mistyped(secret):
            return None
        return await self._source.key(digest)


def presented_keys(headers: Mapping[str, str]) -> list[str]:
    """Return what the caller sent as a key, in the order in which it is tried; header names are lower case."""
    found = []
    authorization = headers.get("authorization", "")
    if authorization[:7].lower() == "bearer " and (token := authorization[7:].strip()):
        found.append(token)
    found.extend(value for name in HEADERS if (value := headers.get(name)) and value not in found)
    return found
