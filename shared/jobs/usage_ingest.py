"""Posts usage events to the ledger, priced, each once however often its message is delivered."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson

from shared.catalog.model import Charge, Unpriced
from shared.catalog.rating import served_of, tier_of
from shared.catalog.service import PriceBook
from shared.clock import Clock
from shared.documents import Json
from shared.keys.use import LastUse
from shared.ledger.model import Entry
from shared.ledger.plausible import EventInvalid, checked
from shared.ledger.posting import entry_of
from shared.ledger.rejected import RejectedStore
from shared.ledger.service import LedgerService
from shared.migrations.steps import newest_usage_event
from shared.usage.model import Source, TokenUsage, Units, Usage

MOST_BYTES = 16 * 1024
"""Of a message: what fifty events come to still fits into one batch of the store."""

_log = logging.getLogger("tollgate.usage")

type Rate = Callable[[Json], Charge | Unpriced]


class Periods(Protocol):
    async def is_locked(self, at: datetime) -> bool:
        """Whether use of that time comes too late to count as usage. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What events go into, and what decides on how they are entered."""

    ledger: LedgerService
    rejected: RejectedStore
    rate: Rate
    periods: Periods
    clock: Clock


async def ingest(bodies: Sequence[bytes], intake: Intake, last_use: LastUse) -> int:
    """Post a batch of messages and return how many of its events were new. Raises StoreUnavailable: then the batch comes again.

    A message that is no event would never become one, and in the end take its batch to the dead letters: it is set aside alone.
    """
    events: list[Json] = []
    for body in bodies:
        try:
            events.append(parsed(body, intake.clock.now()))
        except EventInvalid as error:
            _log.error("A message is no usage event and was set aside: %s", error)
            await intake.rejected.keep(body, str(error))
    new = await post(events, intake)
    await last_use.note(use for event in events for use in _uses(event))
    return new


async def post(events: Iterable[Json], intake: Intake) -> int:
    """Price and post events that were checked, stored already or not, and return how many had no entry yet."""
    entries, now = [], intake.clock.now()
    by_id = {event["id"]: event for event in events}
    for event in by_id.values():
        is_locked = await intake.periods.is_locked(_started(event))
        entries.append(entry_for(event, intake.rate(event), now, is_locked=is_locked))
    return await intake.ledger.post(entries, list(by_id.values()))


def entry_for(event: Json, rating: Charge | Unpriced, now: datetime, *, is_locked: bool) -> Entry:
    """Return the entry of an event, its tier by the price book's name where that knows it."""
    named = event["service_tier"]
    tier = tier_of(named if isinstance(named, str) else None)
    return entry_of(event, rating, now, is_locked=is_locked, tier=tier.value if tier else None)


def parsed(body: bytes, now: datetime) -> Json:
    """Return the event of a message at the newest schema. Raises EventInvalid."""
    if len(body) > MOST_BYTES:
        raise EventInvalid(f"the message has more than {MOST_BYTES} bytes")
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise EventInvalid("the message is not JSON") from None
    if not isinstance(event, dict):
        raise EventInvalid("the message is no JSON object")
    return checked(newest_usage_event(event), now)


def rating_of(event: Json, book: PriceBook) -> Charge | Unpriced:
    """Return what the price book says that an event costs."""
    return book.rate(served_of(event), usage_of(event))


def usage_of(event: Json) -> Usage:
    """Return the usage that an event reports."""
    tokens, units = event["tokens"], event["units"]
    assert isinstance(tokens, dict)
    assert isinstance(units, dict)
    return Usage(TokenUsage(**tokens), Units(**units), Source(str(event["usage_source"])))


def _started(event: Json) -> datetime:
    return datetime.fromisoformat(str(event["started_at"]))


def _uses(event: Json) -> Iterator[tuple[str, datetime]]:
    """Return the virtual key that was used, and when; nothing for other callers."""
    key = event["key"]
    if event["principal_kind"] == "virtual_key" and isinstance(key, str) and key:
        yield key, _started(event)
