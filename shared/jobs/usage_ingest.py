"""Stores usage events, each once however often its message is delivered."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

import orjson

from shared.documents import DocumentExists, DocumentStore, Json
from shared.keys.use import LastUse
from shared.migrations.steps import partition_of_usage_event, usage_event_to_2
from shared.usage.model import EVENTS


class EventInvalid(ValueError):
    """A message that is not a usage event; it will not become one by trying again."""


async def ingest(bodies: list[bytes], documents: DocumentStore, last_use: LastUse) -> int:
    """Store a batch of events and return how many of them were new. Raises EventInvalid and StoreUnavailable.

    An event of an earlier version, which waited in the queue, is stored at the newest schema.
    """
    events = [_parse(body) for body in bodies]
    # At once, so that the store can commit them together.
    new = sum(await asyncio.gather(*(_store(event, documents) for event in events)))
    await last_use.note(use for event in events for use in _uses(event))
    return new


async def _store(event: Json, documents: DocumentStore) -> bool:
    try:
        await documents.create(EVENTS, partition_of_usage_event(event), event)
    except DocumentExists:
        return False
    return True


def _uses(event: Json) -> Iterator[tuple[str, datetime]]:
    """Return the virtual key that was used, and when; nothing for other callers or where the event is vague about it."""
    key, at = event.get("key"), _moment(event["started_at"])
    if event.get("principal_kind") == "virtual_key" and isinstance(key, str) and key and at is not None:
        yield key, at


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _parse(body: bytes) -> Json:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise EventInvalid("the message is not JSON") from None
    missing = [
        name for name in ("id", "team", "started_at", "schema") if not (isinstance(event, dict) and event.get(name))
    ]
    if missing:
        raise EventInvalid(f"the message lacks {', '.join(missing)}")
    return usage_event_to_2(event) or dict(event)
