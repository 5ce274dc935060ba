"""Secrets kept in the document store, which an operator puts there: sealed with AES-256-GCM under a key of the pepper."""

import base64
import os
import re
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.documents import Document, DocumentStore
from shared.providers.port import SecretUnavailable
from shared.redaction import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CONTAINER, PARTITION = "secrets", "organization"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PURPOSE = b"tollgate stored secrets 1"
_KEY_BYTES, _NONCE_BYTES = 32, 12


class StoredSecrets:
    """Without the pepper that they were put with, secrets cannot be read again: they have to be put anew."""

    def __init__(self, documents: DocumentStore, key: bytes, clock: Clock) -> None:
        self._documents, self._key, self._clock = documents, key, clock
        self._cipher: AESGCM | None = None

    async def put(self, name: str, value: str) -> None:
        """Store a secret or replace it. Raises ValueError, which does not repeat the value, and StoreUnavailable."""
        if not _NAME.fullmatch(name):
            raise ValueError("the name of a secret is 1 to 64 letters, digits, dots, underscores and hyphens")
        if not value:
            raise ValueError("a secret must not be empty")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._opened().encrypt(nonce, value.encode(), name.encode())
        document = {
            "schema": 1,
            "id": name,
            "nonce": base64.b64encode(nonce).decode(),
            "sealed": base64.b64encode(sealed).decode(),
            "updated_at": self._clock.now().isoformat(),
        }
        await self._documents.upsert(CONTAINER, PARTITION, document)

    async def names(self) -> tuple[str, ...]:
        names: list[str] = []
        page = await self._documents.query(CONTAINER, PARTITION)
        while True:
            names += [str(document.body["id"]) for document in page.documents]
            if page.cursor is None:
                return tuple(names)
            page = await self._documents.query(CONTAINER, PARTITION, cursor=page.cursor)

    async def delete(self, name: str) -> bool:
        """Say whether there was such a secret. Raises StoreUnavailable."""
        return await self._documents.delete(CONTAINER, PARTITION, name)

    async def reveal(self, name: str) -> Secret | None:
        """Raise SecretUnavailable for what was sealed with another pepper or altered since, and StoreUnavailable."""
        document = await self._documents.get(CONTAINER, PARTITION, name)
        return None if document is None else self._unsealed(name, document)

    def _unsealed(self, name: str, document: Document) -> Secret:
        from cryptography.exceptions import InvalidTag

        try:
            nonce, sealed = (
                base64.b64decode(str(document.body[field]), validate=True) for field in ("nonce", "sealed")
            )
            # The name is sealed in with the value: nobody can give one secret the name of another.
            return Secret(self._opened().decrypt(nonce, sealed, name.encode()).decode())
        except (InvalidTag, KeyError, ValueError) as error:
            raise SecretUnavailable(
                f"db://{name}", "it was stored with another pepper, or altered since; put it anew"
            ) from error

    def _opened(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        if self._cipher is None:
            self._cipher = AESGCM(HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(self._key))
        return self._cipher
