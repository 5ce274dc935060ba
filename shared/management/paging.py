"""Lists in pages: what the file defines comes first, then what is stored; a cursor is good only for the list that gave it.

Cursors are sealed: what they hold may name what their reader is not shown.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared.management.call import Answer
from shared.management.problems import invalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
ROUNDS = 20
"""How often the store is asked for one page of a list that shows only some of what it gives."""

Fetch = Callable[[int, str | None], Awaitable[tuple[Sequence[Any], str | None]]]

Show = Callable[[Any], Awaitable[Any]]


class Cursors:
    """Writes and reads the cursors of one list. `what` tells it from every other: its kind, its filters, and who may see it."""

    def __init__(self, pepper: bytes, what: str) -> None:
        self._key = hmac.digest(pepper, f"tollgate cursor {what}".encode(), hashlib.sha256)

    def write(self, place: str) -> str:
        nonce = os.urandom(_NONCE)
        return (
            base64.urlsafe_b64encode(nonce + self._cipher().encrypt(nonce, place.encode(), None)).decode().rstrip("=")
        )

    def read(self, cursor: str) -> str:
        """Raises Invalid."""
        from cryptography.exceptions import InvalidTag

        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()
        except (binascii.Error, ValueError, InvalidTag):
            raise invalid("cursor", "is not one that this list has given") from None

    def _cipher(self) -> "AESGCM":
        """Imported late: lists that end with their first page never need it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


async def page_of(
    cursors: Cursors,
    cursor: str | None,
    limit: int,
    first: Sequence[Any],
    fetch: Fetch,
    show: Show,
) -> Answer:
    """Return one page of `first` followed by what `fetch` gives; `show` returns None for what is left out."""
    place = cursors.read(cursor) if cursor else "f0"
    data: list[Any] = []
    if place[0] == "f":
        start = int(place[1:])
        data = await _shown(first[start : start + limit], show)
        more = start + limit < len(first)
        place = f"f{start + limit}" if more else "s"
        if more:
            return _page(data, cursors.write(place))
    inner: str | None = place[1:] or None
    for _ in range(ROUNDS):
        if len(data) >= limit:
            break
        items, inner = await fetch(limit - len(data), inner)
        data += await _shown(items, show)
        if inner is None:
            return _page(data, None)
    return _page(data, cursors.write(f"s{inner or ''}"))


async def _shown(items: Sequence[Any], show: Show) -> list[Any]:
    return [shown for shown in await asyncio.gather(*map(show, items)) if shown is not None]


def _page(data: list[Any], following: str | None) -> Answer:
    return Answer({"data": data, "next": following})
