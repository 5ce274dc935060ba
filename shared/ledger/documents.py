"""How entries, cells and heads are written as documents, and read again."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

import orjson

from shared.documents import Json
from shared.ledger.model import ENTRY_BYTES, Cell, CellKey, Dimensions, Entry, Grain, Head, Sums, View

MOST_BYTES = 5_000_000_000
"""Of events, entries and cells in a partition. One of Cosmos DB holds 20 GB; but reconciliation has to read it in one run."""

HEAD = "head"
PARTITIONS = "partitions"
USAGE, ADJUSTMENT, ALLOCATION = "led_", "adj_", "ptu_"
ENTRY_PREFIXES = (ADJUSTMENT, USAGE, ALLOCATION)
"""What ids of entries begin with, so that they stand together."""

RESERVED = (*ENTRY_PREFIXES, "cell|", HEAD)
"""What ids of events cannot begin with: it tells them from all else in their partition."""

_VOLUME = "~"
_OPTIONAL = ("event", "price", "tags", "session", "reason", "adjusts", "unpriced", "actor")
_EXACT = 2**53
"""Cosmos DB keeps numbers as doubles, which are exact below this (9 million of a currency in nano-units). The others are text."""


def team_of(volume: str) -> str:
    """Return the team that a volume is of: one that has filled a partition in a month goes on in another, as books go on in a next volume.

    The first is called as the team is, the others `team~2`, `team~3` …: no name of a team has a tilde in it.
    """
    return volume.partition(_VOLUME)[0]


def number_of(volume: str) -> int:
    return int(volume.partition(_VOLUME)[2] or 1)


def next_of(volume: str) -> str:
    return f"{team_of(volume)}{_VOLUME}{number_of(volume) + 1}"


def entry_id(event_id: str) -> str:
    return USAGE + event_id


def moment(at: datetime) -> str:
    """Return a moment with all its digits, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def entry_document(entry: Entry, posting: int) -> dict[str, object]:
    """Return the stored form, without what there is not."""
    body: dict[str, object] = {
        "id": entry.id,
        "kind": "entry",
        "at": moment(entry.at),
        "posted_at": moment(entry.posted_at),
        "dimensions": entry.dimensions.to_json(),
        "posting": posting,
    }
    if entry.cost is not None:
        body["cost"] = _stored(entry.cost)
    body |= {name: stored_sums(sums) for name in ("sums", "lines") if (sums := getattr(entry, name))}
    return body | {name: value for name in _OPTIONAL if (value := getattr(entry, name))}


def entry_of(document: Json) -> Entry:
    body = cast("Mapping[str, Any]", document)
    return Entry(
        id=body["id"],
        at=datetime.fromisoformat(body["at"]),
        posted_at=datetime.fromisoformat(body["posted_at"]),
        dimensions=Dimensions.from_json(body["dimensions"]),
        sums=_sums(body.get("sums", {})),
        event=body.get("event"),
        cost=None if (cost := body.get("cost")) is None else int(cost),
        lines=_sums(body.get("lines", {})),
        price=body.get("price"),
        tags=tuple(body.get("tags", ())),
        session=body.get("session"),
        reason=body.get("reason"),
        adjusts=body.get("adjusts"),
        unpriced=tuple(body.get("unpriced", ())),
        actor=body.get("actor"),
        posting=body.get("posting", 0),
    )


def cell_document(cell: Cell, id: str | None = None, posting: int | None = None) -> dict[str, object]:
    """Return the stored form. Who has the cell's id at hand need not have it made again.

    `posting` is the head's sequence after what wrote it: every entry up to there that counts in the cell is in its sums.
    """
    key = cell.key
    body: dict[str, object] = {
        "id": id or key.id,
        "kind": "cell",
        "view": key.view.value,
        "grain": key.grain.value,
        "start": key.start.isoformat(),
        "dimensions": key.dimensions.to_json(),
        "sums": stored_sums(cell.sums),
    }
    if posting is not None:
        body["posting"] = posting
    return body if key.tag is None else {**body, "tag": key.tag}


def cell_of(document: Json) -> Cell:
    body = cast("Mapping[str, Any]", document)
    key = CellKey(
        View(body["view"]),
        Grain(body["grain"]),
        datetime.fromisoformat(body["start"]),
        Dimensions.from_json(body["dimensions"]),
        body.get("tag"),
    )
    return Cell(key, _sums(body["sums"]))


def head_document(head: Head) -> dict[str, object]:
    repairs = {"repairs": head.repairs} if head.repairs else {}
    return {
        **repairs,
        "id": HEAD,
        "kind": "head",
        "sequence": head.sequence,
        "events": head.events,
        "sums": stored_sums(head.sums),
        "digest": head.digest,
        "last_posted_at": _told(head.last_posted_at),
        "bytes": head.bytes,
        "first_at": _told(head.first_at),
        "last_at": _told(head.last_at),
        "is_full": head.is_full,
    }


def head_of(document: Json) -> Head:
    body = cast("Mapping[str, Any]", document)
    return Head(
        sequence=body["sequence"],
        events=body["events"],
        sums=_sums(body["sums"]),
        digest=body["digest"],
        last_posted_at=_read(body["last_posted_at"]),
        bytes=body.get("bytes", body["events"] * ENTRY_BYTES),
        first_at=_read(body.get("first_at")),
        last_at=_read(body.get("last_at")),
        is_full=body.get("is_full", False),
        repairs=body.get("repairs", 0),
    )


def chained(digest: str, counted: Iterable[tuple[str, Sums]]) -> str:
    """Return the digest of a head after one more posting: SHA-256 of the one before, and of each entry's id and `counted()`.

    The entries of a posting count in the order of their ids, so that who reads them later comes to the same.
    """
    by_id = sorted(counted, key=lambda each: each[0])
    return sha256(digest.encode() + orjson.dumps(by_id, option=orjson.OPT_SORT_KEYS)).hexdigest()


def stored_sums(sums: Sums) -> Mapping[str, int | str]:
    if not sums or (max(sums.values()) < _EXACT and min(sums.values()) > -_EXACT):
        return sums
    return {name: _stored(number) for name, number in sums.items()}


def _told(at: datetime | None) -> str | None:
    return moment(at) if at else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _stored(number: int) -> int | str:
    return number if -_EXACT < number < _EXACT else str(number)


def _sums(stored: Mapping[str, int | str]) -> dict[str, int]:
    return {name: int(number) for name, number in stored.items()}
