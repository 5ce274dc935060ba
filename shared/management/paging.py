"""Lists in pages: what the file defines comes first, then what is stored; a cursor is good only for the list that gave it."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from shared.management.call import Answer
from shared.management.problems import invalid

_SEAL = 12
ROUNDS = 20
"""How often the store is asked for one page of a list that shows only some of what it gives."""

Fetch = Callable[[int, str | None], Awaitable[tuple[Sequence[Any], str | None]]]

Show = Callable[[Any], Awaitable[Any]]


class Cursors:
    """Writes and reads the cursors of one list. `what` tells it from every other: its kind, its filters, and who may see it."""

    def __init__(self, pepper: bytes, what: str) -> None:
        self._key = hmac.digest(pepper, f"tollgate cursor {what}".encode(), hashlib.sha256)

    def write(self, place: str) -> str:
        raw = place.encode()
        return base64.urlsafe_b64encode(self._seal(raw) + raw).decode().rstrip("=")

    def read(self, cursor: str) -> str:
        """Raises Invalid."""
        try:
            decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            decoded = b""
        seal, raw = decoded[:_SEAL], decoded[_SEAL:]
        if not hmac.compare_digest(seal, self._seal(raw)):
            raise invalid("cursor", "is not one that this list has given")
        return raw.decode()

    def _seal(self, raw: bytes) -> bytes:
        return hmac.digest(self._key, raw, hashlib.sha256)[:_SEAL]


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
