"""Posts usage events to the ledger, priced, each once however often its message is delivered."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from shared.telemetry.instruments import LEDGER_EVENTS, LEDGER_UNPRICED
from shared.telemetry.model import Instrument
from shared.telemetry.vocabulary import Models
from shared.usage.model import Source, TokenUsage, Units, Usage

MOST_BYTES = 16 * 1024
"""Of a message: what fifty events come to still fits into one batch of the store."""

CREATES_BATCH = "batches.create"
"""The endpoint of calls that begin a batch."""

_log = logging.getLogger("tollgate.usage")

type Rate = Callable[[Json], Charge | Unpriced]
type Provide = Callable[[Json], Awaitable[None]]
type Tell = Callable[..., None]
"""`Telemetry.count`."""


class Periods(Protocol):
    async def is_locked(self, at: datetime) -> bool:
        """Whether use of that time comes too late to count as usage. Raises StoreUnavailable."""


async def _provide_nothing(event: Json) -> None:
    """For who posts what was stored before."""


def _tell_nobody(instrument: Instrument, value: float = 1, **attributes: str) -> None:
    """For who is not asked what was posted."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What events go into, and what decides on how they are entered. `provide` sees to work that goes on after its call.

    `tell` hears what became of them, by such names of models as `models` knows.
    """

    ledger: LedgerService
    rejected: RejectedStore
    rate: Rate
    periods: Periods
    clock: Clock
    provide: Provide = _provide_nothing
    tell: Tell = _tell_nobody
    models: Models = field(default_factory=lambda: Models(()))


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
            intake.tell(LEDGER_EVENTS, outcome="rejected")
            await intake.rejected.keep(body, str(error))
    new = await post(events, intake)
    # Also of what was posted before: whoever did it may have been killed here.
    for event in events:
        if event["usage_source"] == Source.PENDING or event["endpoint"] == CREATES_BATCH:
            await intake.provide(event)
    await last_use.note(use for event in events for use in _uses(event))
    return new


async def post(events: Iterable[Json], intake: Intake) -> int:
    """Price and post events that were checked, stored already or not, and return how many had no entry yet."""
    entries, now = [], intake.clock.now()
    by_id = {event["id"]: event for event in events}
    for event in by_id.values():
        is_locked = await intake.periods.is_locked(_started(event))
        rating = intake.rate(event)
        saved = saved_by_downshift(event, rating, intake.rate)
        entries.append(entry_for(event, rating, now, is_locked=is_locked, saved_downshift=saved))
    new = await intake.ledger.post(entries, list(by_id.values()))
    _tell(intake, entries, by_id, new)
    return new


def _tell(intake: Intake, entries: Sequence[Entry], events: Mapping[object, Json], new: int) -> None:
    for outcome, count in (("posted", new), ("duplicate", len(entries) - new)):
        if count:
            intake.tell(LEDGER_EVENTS, count, outcome=outcome)
    if not new:
        return
    for entry in entries:
        if entry.cost is None:
            event = events[entry.event]
            intake.tell(LEDGER_EVENTS, outcome="unpriced")
            intake.tell(LEDGER_UNPRICED, model=intake.models.named(event["requested_model"], event["catalog_model"]))


def entry_for(
    event: Json, rating: Charge | Unpriced, now: datetime, *, is_locked: bool, saved_downshift: int = 0
) -> Entry:
    """Return the entry of an event, its tier by the price book's name where that knows it."""
    named = event["service_tier"]
    tier = tier_of(named if isinstance(named, str) else None)
    tier_name = tier.value if tier else None
    return entry_of(event, rating, now, is_locked=is_locked, tier=tier_name, saved_downshift=saved_downshift)


def saved_by_downshift(event: Json, rating: Charge | Unpriced, rate: Rate) -> int:
    """Return what the same usage would have cost more, in nano-units, with the model that the caller had asked for.

    0 where the call was not sent to another model, where either has no price, and where the other's is in another currency.
    """
    asked = event.get("downshifted_from")
    if not asked or not isinstance(asked, str) or not isinstance(rating, Charge):
        return 0
    instead = rate({**event, "requested_model": asked, "catalog_model": None, "served_model": None})
    if not isinstance(instead, Charge) or instead.currency != rating.currency:
        return 0
    return max(0, instead.cost - rating.cost)


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
