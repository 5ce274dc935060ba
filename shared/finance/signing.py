"""Ed25519 signatures under manifests: whoever has the public key can tell that a report is ours and unchanged."""

from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from shared.redaction import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PURPOSE = b"tollgate/report-manifests/1"
SHORTEST_SECRET = 32


class SigningKeyInvalid(ValueError):
    """The secret is too short to derive a key from."""


class ReportSigner:
    """Signs with a key that is derived from a secret (HKDF-SHA256), so that any long random text will do for it."""

    def __init__(self, secret: Secret) -> None:
        """Raises SigningKeyInvalid."""
        if len(secret.reveal()) < SHORTEST_SECRET:
            raise SigningKeyInvalid(f"the signing key has fewer than {SHORTEST_SECRET} characters")
        self._secret = secret

    @cached_property
    def public_key(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)

    @cached_property
    def _key(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        seed = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(self._secret.reveal().encode())
        return Ed25519PrivateKey.from_private_bytes(seed)


def key_id(public_key: bytes) -> str:
    """Return the name of a public key: short enough to compare by eye."""
    return sha256(public_key).hexdigest()[:16]


def is_signed(content: bytes, signature: bytes, public_key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
