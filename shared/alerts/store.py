"""Keeps notices, their deliveries and what each channel has been sent; who changes a document has the version that nobody else changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from shared.alerts.model import Delivery, Notice, State
from shared.documents import (
    Condition,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Json,
    PreconditionFailed,
)

CONTAINER = "alerts"
NOTICES, DELIVERIES, CHANNELS = "notices", "deliveries", "channels"
_KEPT_S = 400 * 24 * 3600
_PAGE = 1000


class NoticeStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def add(self, notice: Notice, now: datetime) -> bool:
        """Store the notice, to be routed, unless there is one with its id, and say whether it is new."""
        try:
            await self._documents.create(CONTAINER, NOTICES, _notice_body(notice, now), _KEPT_S)
        except DocumentExists:
            return False
        return True

    async def get(self, id: str) -> Notice | None:
        document = await self._documents.get(CONTAINER, NOTICES, id)
        return None if document is None else _notice_of(document.body)

    async def routed(self, id: str) -> None:
        """Note that every channel of the notice has its delivery."""
        document = await self._documents.get(CONTAINER, NOTICES, id)
        if document is None or document.body["is_routed"]:
            return
        try:
            await self._documents.replace(
                CONTAINER, NOTICES, {**document.body, "is_routed": True}, document.etag, _KEPT_S
            )
        except (DocumentMissing, PreconditionFailed):
            return  # Somebody else has noted the same.

    async def unrouted(self, before: datetime, limit: int) -> list[str]:
        """Return the ids of notices that were stored before that and whose deliveries do not all exist, oldest first."""
        where = [Condition("is_routed", "=", False), Condition("stored_at", "<", stamp(before))]
        page = await self._documents.query(CONTAINER, NOTICES, where, order_by="stored_at", limit=limit)
        return [str(document.body["id"]) for document in page.documents]

    async def page(
        self, team: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> tuple[tuple[Notice, ...], str | None]:
        """Return notices, newest first: all of them, or those of a team."""
        where = [] if team is None else [Condition("team", "=", team)]
        page = await self._documents.query(CONTAINER, NOTICES, where, "at", True, limit, cursor)
        return tuple(_notice_of(document.body) for document in page.documents), page.cursor


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in the version that was read or written last."""

    delivery: Delivery
    etag: str


class DeliveryStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def open(self, delivery: Delivery) -> Claimed | None:
        """Store a new delivery, which is its maker's until `next_at`; None where there is one already."""
        try:
            document = await self._documents.create(CONTAINER, DELIVERIES, _delivery_body(delivery), _KEPT_S)
        except DocumentExists:
            return None
        return Claimed(delivery, document.etag)

    async def save(self, claimed: Claimed, delivery: Delivery) -> Claimed | None:
        """Store a new state over exactly the version that was claimed; None where somebody else was faster."""
        try:
            document = await self._documents.replace(
                CONTAINER, DELIVERIES, _delivery_body(delivery), claimed.etag, _KEPT_S
            )
        except (DocumentMissing, PreconditionFailed):
            return None
        return Claimed(delivery, document.etag)

    async def get(self, id: str) -> Claimed | None:
        document = await self._documents.get(CONTAINER, DELIVERIES, id)
        return None if document is None else Claimed(_delivery_of(document), document.etag)

    async def due(self, now: datetime, limit: int) -> list[Claimed]:
        """Return pending deliveries whose time has come and which nobody has in hand, the longest waiting first."""
        where = [Condition("state", "=", State.PENDING.value), Condition("next_at", "<=", stamp(now))]
        page = await self._documents.query(CONTAINER, DELIVERIES, where, order_by="next_at", limit=limit)
        return [Claimed(_delivery_of(document), document.etag) for document in page.documents]

    async def first_held(self, channel: str, since: datetime) -> datetime | None:
        """Return when the first delivery to a channel was suppressed since then."""
        where = [
            Condition("channel", "=", channel),
            Condition("state", "=", State.SUPPRESSED.value),
            Condition("held_at", ">=", stamp(since)),
        ]
        page = await self._documents.query(CONTAINER, DELIVERIES, where, order_by="held_at", limit=1)
        return _delivery_of(page.documents[0]).held_at if page.documents else None

    async def held(self, channel: str, since: datetime, before: datetime) -> AsyncIterator[Delivery]:
        """Yield what was suppressed on a channel in `since <= held_at < before`, in that order."""
        where = [
            Condition("channel", "=", channel),
            Condition("state", "=", State.SUPPRESSED.value),
            Condition("held_at", ">=", stamp(since)),
            Condition("held_at", "<", stamp(before)),
        ]
        cursor = None
        while True:
            page = await self._documents.query(
                CONTAINER, DELIVERIES, where, order_by="held_at", limit=_PAGE, cursor=cursor
            )
            for document in page.documents:
                yield _delivery_of(document)
            cursor = page.cursor
            if cursor is None:
                return

    async def page(
        self,
        limit: int = 100,
        cursor: str | None = None,
        *,
        notice: str | None = None,
        channel: str | None = None,
        state: State | None = None,
    ) -> tuple[tuple[Delivery, ...], str | None]:
        """Return the delivery log, newest first."""
        wanted = {"notice": notice, "channel": channel, "state": state and state.value}
        where = [Condition(name, "=", value) for name, value in wanted.items() if value is not None]
        page = await self._documents.query(CONTAINER, DELIVERIES, where, "at", True, limit, cursor)
        return tuple(_delivery_of(document) for document in page.documents), page.cursor


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that a channel was sent; `team` is None for what is of no team."""

    at: datetime
    team: str | None


@dataclass(frozen=True, slots=True)
class Log:
    """What a channel was sent in the last hour, and how far its digests tell of what was suppressed.

    `sent` are its messages, oldest first; `told_until` is None where there never was a digest.
    """

    channel: str
    sent: tuple[Sent, ...] = ()
    told_until: datetime | None = None
    etag: str | None = None


class LogStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def read(self, channel: str) -> Log:
        document = await self._documents.get(CONTAINER, CHANNELS, channel)
        if document is None:
            return Log(channel)
        body = cast("dict[str, Any]", document.body)
        sent = tuple(Sent(datetime.fromisoformat(at), team or None) for at, team in body["sent"])
        return Log(channel, sent, _moment(body["told_until"]), document.etag)

    async def save(self, log: Log) -> Log | None:
        """Store over exactly the version that was read; None where somebody else was faster."""
        body: Json = {
            "schema": 1,
            "id": log.channel,
            "sent": [[stamp(sent.at), sent.team or ""] for sent in log.sent],
            "told_until": _stamped(log.told_until),
        }
        try:
            if log.etag is None:
                document = await self._documents.create(CONTAINER, CHANNELS, body)
            else:
                document = await self._documents.replace(CONTAINER, CHANNELS, body, log.etag)
        except (DocumentExists, DocumentMissing, PreconditionFailed):
            return None
        return replace(log, etag=document.etag)


def stamp(at: datetime) -> str:
    """Return a moment in one length, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _stamped(at: datetime | None) -> str:
    return "" if at is None else stamp(at)


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def _notice_body(notice: Notice, now: datetime) -> Json:
    return {
        "schema": 1,
        "id": notice.id,
        "kind": notice.kind,
        "severity": notice.severity,
        "title": notice.title,
        "text": notice.text,
        "facts": [list(fact) for fact in notice.facts],
        "team": notice.team or "",
        "scope": notice.scope or "",
        "at": stamp(notice.at),
        "link": notice.link or "",
        "is_routed": False,
        "stored_at": stamp(now),
    }


def _notice_of(stored: Json) -> Notice:
    body = cast("dict[str, Any]", stored)
    return Notice(
        id=body["id"],
        kind=body["kind"],
        severity=body["severity"],
        title=body["title"],
        text=body["text"],
        at=datetime.fromisoformat(body["at"]),
        facts=tuple((label, value) for label, value in body["facts"]),
        team=body["team"] or None,
        scope=body["scope"] or None,
        link=body["link"] or None,
    )


def _delivery_body(delivery: Delivery) -> Json:
    return {
        "schema": 1,
        "id": delivery.id,
        "notice": delivery.notice,
        "channel": delivery.channel,
        "kind": delivery.kind,
        "severity": delivery.severity,
        "title": delivery.title,
        "team": delivery.team or "",
        "at": stamp(delivery.at),
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "last_status": delivery.last_status or "",
        "next_at": _stamped(delivery.next_at),
        "held_at": _stamped(delivery.held_at),
    }


def _delivery_of(document: Document) -> Delivery:
    body = cast("dict[str, Any]", document.body)
    return Delivery(
        notice=body["notice"],
        channel=body["channel"],
        kind=body["kind"],
        severity=body["severity"],
        title=body["title"],
        team=body["team"] or None,
        at=datetime.fromisoformat(body["at"]),
        state=State(body["state"]),
        attempts=body["attempts"],
        last_status=body["last_status"] or None,
        next_at=_moment(body["next_at"]),
        held_at=_moment(body["held_at"]),
    )
