"""The audit log's chain: every entry is sealed with a key that the store does not hold, and names the seal of the one before it."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

import orjson

from shared.documents import Create, Document, Json, Operation, Replace

ENTRY, HEAD = "audit", "audit-head"
FIRST = "0" * 64
"""What the first entry names as the seal before it."""

_BROKEN = ""
"""What is named instead of a seal after a head that is not genuine: never a seal, so the break stays visible for ever."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changed something: an id, and in which way it was proved."""

    id: str
    kind: Literal["operator", "virtual_key", "entra", "configuration"]


@dataclass(frozen=True, slots=True)
class Alteration:
    """What a change did to the resource at `target`: None stands for not being there.

    `team` is the one that the resource belonged to at that time; None for what no single team may know.
    """

    target: str
    before: Json | None
    after: Json | None
    action: str
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the last entry's number and seal."""

    seq: int = 0
    seal: str = FIRST


def entry_id(seq: int) -> str:
    return f"{ENTRY}|{seq:012}"


class Chain:
    """Writes and checks entries. Who can write to the store but does not have the pepper cannot make or alter one unnoticed."""

    def __init__(self, pepper: bytes) -> None:
        self._key = hmac.digest(pepper, b"tollgate audit log", hashlib.sha256)

    def entries_for(
        self, head: Document | None, actor: Actor, alterations: Sequence[Alteration], at: datetime, request_id: str = ""
    ) -> tuple[list[Operation], Operation]:
        """Return what creates the next entries, and what moves the head behind them if nobody else has."""
        end = self._next_to(head)
        entries: list[Operation] = []
        for alteration in alterations:
            body = self._sealed(_entry_body(end, actor, alteration, at, request_id))
            end = Head(end.seq + 1, str(body["seal"]))
            entries.append(Create(body))
        body = self._sealed({"schema": 1, "id": HEAD, "kind": HEAD, "seq": end.seq, "last": end.seal})
        return entries, Replace(body, head.etag) if head else Create(body)

    def head_of(self, document: Document | None) -> Head | None:
        """Return where the chain ends, and None for a head that is not genuine."""
        if document is None:
            return Head()
        return head_in(document.body) if self.is_sealed(document.body) else None

    def follows(self, body: Json, end: Head) -> bool:
        """Whether this is the entry after `end`, as it was written."""
        return body.get("previous") == end.seal and self.is_sealed(body)

    def _next_to(self, head: Document | None) -> Head:
        end = self.head_of(head)
        if end is None:
            assert head is not None
            return Head(head_in(head.body).seq, _BROKEN)
        return end

    def _sealed(self, body: Json) -> Json:
        return {**body, "seal": self._seal(body)}

    def is_sealed(self, body: Json) -> bool:
        """Whether who has the pepper wrote this."""
        content = {name: value for name, value in body.items() if name != "seal"}
        return hmac.compare_digest(str(body.get("seal")).encode(), self._seal(content).encode())

    def _seal(self, content: Json) -> str:
        return hmac.digest(self._key, orjson.dumps(content, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hex()


def _entry_body(end: Head, actor: Actor, alteration: Alteration, at: datetime, request_id: str) -> Json:
    return {
        "schema": 1,
        "id": entry_id(end.seq + 1),
        "kind": ENTRY,
        "seq": end.seq + 1,
        "at": at.isoformat(),
        "actor": {"id": actor.id, "kind": actor.kind},
        "action": alteration.action,
        "target": alteration.target,
        "team": alteration.team or "",
        "before": alteration.before,
        "after": alteration.after,
        "request_id": request_id,
        "previous": end.seal,
    }


def head_in(body: Json) -> Head:
    return Head(cast("int", body["seq"]), str(body["last"]))
