"""Virtual keys: what callers hold, and what the gateway keeps of them."""

import hashlib
import hmac
import secrets
import zlib

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = "sk-"
_RANDOM, _CHECK = 43, 6


def mint() -> str:
    """Return a new secret: `sk-`, 43 random base-62 characters (256 bits), and six that check them."""
    random = "".join(secrets.choice(_BASE62) for _ in range(_RANDOM))
    return f"{PREFIX}{random}{_checksum(random)}"


def digest_of(secret: str, pepper: bytes) -> str:
    """Return HMAC-SHA256(pepper, "virtual key " + secret) in hexadecimal: the only form in which a key is kept or looked up.

    The prefix keeps it apart from everything else that is derived from the pepper: no secret that is sent can be one of those.
    """
    return hmac.digest(pepper, b"virtual key " + secret.encode(errors="surrogatepass"), hashlib.sha256).hex()


def is_minted(secret: str) -> bool:
    """Whether this has the form of a minted key, its checksum included."""
    body = secret.removeprefix(PREFIX)
    return secret.startswith(PREFIX) and len(body) == _RANDOM + _CHECK and body.isalnum() and not is_mistyped(secret)


def is_mistyped(secret: str) -> bool:
    """Whether this has the form of a minted key but not its checksum."""
    body = secret.removeprefix(PREFIX)
    return len(body) == _RANDOM + _CHECK and body.isalnum() and body[_RANDOM:] != _checksum(body[:_RANDOM])


def _checksum(random: str) -> str:
    value = zlib.crc32(random.encode())
    digits = []
    for _ in range(_CHECK):
        value, digit = divmod(value, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
