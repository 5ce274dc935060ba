"""Checks who sent a webhook: the signature of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks)."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

TOLERANCE_S = 300
_PREFIX = "whsec_"
_LONGEST = 256
_MOST_SIGNATURES, _MOST_DIGITS = 10, 12


def is_genuine(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Whether a message was signed with the secret, by somebody whose clock is within five minutes of ours.

    `headers` have lower-case names. The signed text is `id.timestamp.body`; while a secret is changed there are two signatures.
    """
    id, timestamp, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not 0 < len(id) <= _LONGEST or not id.isascii() or not (timestamp.isascii() and timestamp.isdecimal()):
        return False
    if len(timestamp) > _MOST_DIGITS or abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        return False
    expected = signature_of(id, timestamp, body, secret).encode()
    given = signatures.encode("utf-8", "replace").split(b" ")[:_MOST_SIGNATURES]
    # All are compared, each in constant time.
    return any([hmac.compare_digest(expected, each) for each in given])


def signature_of(id: str, timestamp: str, body: bytes, secret: str) -> str:
    """Return `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`."""
    mac = hmac.new(_key(secret), f"{id}.{timestamp}.".encode() + body, sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"


def _key(secret: str) -> bytes:
    """Return the bytes of a secret, which is text or, after `whsec_`, base64."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret[len(_PREFIX) :], validate=True)
        except binascii.Error:
            pass
    return secret.encode()
