"""Finds out who calls: a virtual key in any of the headers that the SDKs use."""

import hmac
from collections.abc import Iterable, Mapping

from shared.clock import Clock
from shared.keys.errors import KeyDisabled, KeyExpired, KeyMissing, KeyUnknown
from shared.keys.model import VirtualKey, digest_of, is_mistyped

HEADERS = ("x-gateway-key", "api-key", "x-api-key")


class KeyService:
    """Looks keys up by their HMAC; the secrets themselves are not kept."""

    def __init__(self, keys: Iterable[VirtualKey], pepper: bytes, clock: Clock) -> None:
        self._by_digest = {key.digest: key for key in keys}
        self._pepper = pepper
        self._clock = clock

    def identify(self, headers: Mapping[str, str]) -> VirtualKey:
        """Return the caller's key. Raises KeyRefused.

        Some clients send two headers, and a placeholder in one of them: the first header that holds a known key decides.
        """
        presented = presented_keys(headers)
        if not presented:
            raise KeyMissing
        for secret in presented:
            digest = digest_of(secret, self._pepper)
            key = self._by_digest.get(digest)
            if key is not None and hmac.compare_digest(key.digest, digest):
                return self._usable(key)
        raise KeyUnknown(any(is_mistyped(secret) for secret in presented))

    def _usable(self, key: VirtualKey) -> VirtualKey:
        if key.disabled:
            raise KeyDisabled
        if key.is_expired(self._clock.now()):
            raise KeyExpired
        return key


def presented_keys(headers: Mapping[str, str]) -> list[str]:
    """Return what the caller sent as a key, in the order in which it is tried; header names are lower case."""
    found = []
    authorization = headers.get("authorization", "")
    if authorization[:7].lower() == "bearer " and (token := authorization[7:].strip()):
        found.append(token)
    found.extend(value for name in HEADERS if (value := headers.get(name)) and value not in found)
    return found
