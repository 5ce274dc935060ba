"""Identifiers: a prefix that tells the kind, then 26 characters that sort by time (a ULID, https://github.com/ulid/spec)."""

import os
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


def new_id(prefix: str, now: datetime) -> str:
    """Return `<prefix>_<ULID>`: 48 bits of milliseconds and 80 random bits in Crockford's base 32."""
    value = int(now.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10))
    pairs = [_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"
