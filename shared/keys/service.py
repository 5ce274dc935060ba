"""Finds out whose a virtual key is, and reads it from any of the headers that the SDKs use."""

from collections.abc import Mapping
from typing import Protocol

from shared.directory.model import FoundKey
from shared.keys.model import digest_of, is_minted

HEADERS = ("x-gateway-key", "api-key", "x-api-key")


class KeySource(Protocol):
    async def key(self, digest: str, *, may_be_stored: bool) -> FoundKey | None:
        """Return the key with this digest. Raises Unavailable where that cannot be told."""


class KeyService:
    """Looks keys up by their HMAC; the secrets themselves are not kept."""

    def __init__(self, source: KeySource, pepper: bytes) -> None:
        self._source = source
        self._pepper = pepper

    def digest(self, secret: str) -> str:
        return digest_of(secret, self._pepper)

    async def find(self, secret: str, digest: str) -> FoundKey | None:
        """Return the key of a secret, by its digest.

        Stored keys are all minted here, so that what lacks their form is not looked up; those of the file may look anyhow.
        """
        return await self._source.key(digest, may_be_stored=is_minted(secret))


def presented_keys(headers: Mapping[str, str]) -> list[str]:
    """Return what the caller sent as a key, in the order in which it is tried; header names are lower case."""
    found = []
    authorization = headers.get("authorization", "")
    if authorization[:7].lower() == "bearer " and (token := authorization[7:].strip()):
        found.append(token)
    found.extend(value for name in HEADERS if (value := headers.get(name)) and value not in found)
    return found
