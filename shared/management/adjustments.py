"""Corrections of the ledger by hand: a new entry with a reason and a name, never a change of what is there."""

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.directory.model import Team
from shared.fields import Alias, Label, Name, Strict
from shared.ledger.model import Dimensions, Entry, EntryType
from shared.management.call import Answer, Call
from shared.management.figures import money
from shared.management.kinds import Once, Sentence
from shared.management.ledger import books_of, entry_answer
from shared.management.problems import Conflict, invalid
from shared.management.spending import Moment, moment_of, window_of
from shared.management.spending_answers import Money
from shared.management.view import find
from shared.money import nano

_MOST = Decimal(10) ** 9
_LONGEST = timedelta(days=100)


def _not_nothing(value: Decimal) -> Decimal:
    if not value:
        raise ValueError("must not be zero")
    return value


class AdjustmentRequest(Strict):
    """`amount` below zero is a credit. `at` decides the period it counts in. An `idempotency_key` posts once in a team and month."""

    team: Name
    at: Moment
    amount: Annotated[Decimal, Field(ge=-_MOST, le=_MOST, decimal_places=9), AfterValidator(_not_nothing)]
    reason: Sentence
    idempotency_key: Once
    application: Name | None = None
    cost_center: Label | None = None
    client: Label | None = None
    project: Label | None = None
    model: Label | None = None


class RerateRequest(Strict):
    """The stretch of time whose entries are priced anew: those without a price, or with `model` (a glob) all calls of that."""

    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    model: Alias | None = None


class RerateAnswer(Strict):
    """Entries that were looked at, adjustments that were posted, what they come to, and calls that still have no price."""

    looked_at: int
    adjusted: int
    cost: Money
    unpriced: int


async def adjust(call: Call) -> Answer:
    books, wanted = books_of(call), call.body
    at = moment_of(wanted.at, books.time_zone)
    now = call.parts.clock.now()
    if at > now:
        raise invalid("at", "must not be in the future")
    entry = _entry(call, wanted, at, now, await _team(call, wanted.team))
    # What is not in the log is not done; what is there may have failed afterwards.
    await call.parts.store.note(call.actor, "ledger.adjust", f"ledger/{entry.id}", call.request_id)
    if not await books.postings.post([entry]):
        entry = await _posted_before(call, entry)
    return Answer(entry_answer(entry))


async def rerate(call: Call) -> Answer:
    books, model = books_of(call), call.body.model
    window = window_of(call.body, call.parts.clock.now(), books.time_zone)
    if window.end - window.start > _LONGEST:
        raise invalid("from", f"must be at most {_LONGEST.days} days before the end")
    await call.parts.store.note(call.actor, "ledger.rerate", "ledger", call.request_id)
    repricing = books.repricing
    done = await (repricing.price_unpriced(window) if model is None else repricing.correct(window, model))
    return Answer(
        {
            "looked_at": done.looked_at,
            "adjusted": done.adjusted,
            "cost": money(done.cost),
            "unpriced": done.unpriced,
        }
    )


async def _posted_before(call: Call, entry: Entry) -> Entry:
    """Return what is there under this key. Raises Conflict where it is something else."""
    known = await books_of(call).ledger.entry(entry.dimensions.team, entry.at, entry.id)
    if known is None or (known.cost, known.at, known.dimensions) != (entry.cost, entry.at, entry.dimensions):
        raise Conflict("This idempotency_key was used for another adjustment.")
    return known


async def _team(call: Call, id: str) -> Team:
    found = await find(call.parts, f"teams/{id}")
    if found is None or not isinstance(found.resource, Team):
        raise invalid("team", "is not one that there is")
    return found.resource


def _entry(call: Call, wanted: AdjustmentRequest, at: datetime, now: datetime, team: Team) -> Entry:
    # By team, month and key: the partition is decided by the first two, and within it the same key is the same entry.
    digest = hashlib.sha256(f"{team.id}\n{wanted.idempotency_key}".encode()).hexdigest()[:32]
    cost = nano(wanted.amount)
    return Entry(
        id=f"adj_hand_{digest}",
        at=at,
        posted_at=now,
        dimensions=Dimensions(
            team=team.id,
            type=EntryType.ADJUSTMENT,
            currency=books_of(call).currency,
            area=team.area,
            application=wanted.application,
            cost_center=wanted.cost_center or team.cost_center,
            client=wanted.client or team.client,
            project=wanted.project or team.project,
            model=wanted.model,
        ),
        sums={},
        cost=cost,
        lines={"adjustment": cost},
        reason=wanted.reason,
        actor=call.caller.id,
    )
