"""What could not be processed: read, corrected, sent again or given up, wherever it was set aside."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product

import orjson

from shared.clock import Clock
from shared.documents import Json
from shared.errors import BadRequest, NotFound
from shared.jobs.usage_ingest import parsed
from shared.ledger.plausible import EventInvalid
from shared.ledger.rejected import Rejected, RejectedStore
from shared.queues import (
    ALERTS,
    REPORTS,
    USAGE_EVENTS,
    DeadLetter,
    DeadLetterMissing,
    DeadLetters,
    EventPublisher,
    replayed_id,
)

QUEUES = (USAGE_EVENTS, ALERTS, REPORTS)
MOST_BYTES = 64 * 1024
"""Of a body: what is shown, and what a corrected one may have."""

REPLAYED_FOR = timedelta(days=7)
"""How long after its use an event is sent again without anybody's doing. Then it waits for somebody."""

REPLAYED_AGAIN_AFTER = timedelta(hours=6)
"""What has come back in spite of that is not sent again sooner."""

BUDGET_S = 120.0
"""Less than the five minutes between two ticks: on Service Bus a letter takes a second or more."""

_REJECTED = "rej_"
_SENT_AGAIN = "replay_"
"""What the message ids of `replayed_id` begin with."""

_PAGE = 200
_log = logging.getLogger("tollgate.dead_letters")


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that nobody could process. The id is `<queue>:<number>`, or `rej_…` for one that was refused alone.

    `text` is the body, cut at 64 KB where not `is_whole`; what is not UTF-8 in it shows as replacement characters.
    """

    id: str
    queue: str
    reason: str | None
    at: datetime
    text: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does with one of them, for the audit log. `digest` is the SHA-256 of the body that goes back."""

    actor: str
    action: str
    id: str
    queue: str
    reason: str | None
    digest: str | None
    at: datetime


type Audited = Callable[[Deed], Awaitable[None]]


class LetterUnknown(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such dead letter, or no more.")


class LetterInvalid(BadRequest):
    """The body would only come back; the message names the field."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The message cannot be processed like this: {reason}.", param="body", code="invalid_message")


class DeadLetterService:
    """One view of the queues' dead letters and of the usage events that were refused alone.

    Every method raises StoreUnavailable. What is done is audited before it is done.
    """

    def __init__(
        self, letters: DeadLetters, rejected: RejectedStore, events: EventPublisher, clock: Clock, audited: Audited
    ) -> None:
        self._letters, self._rejected, self._events = letters, rejected, events
        self._clock, self._audited = clock, audited

    async def page(self, limit: int = 50, cursor: str | None = None) -> tuple[Sequence[SetAside], str | None]:
        """Return some of them and the cursor of the next page: refused events first, then queue by queue, the oldest first.

        A page may be short, or empty, and still have a next one. Raises BadRequest for a cursor that is none.
        """
        place, inner = _place(cursor)
        if place == 0:
            refused, after = await self._page_of_refused(limit, inner)
            items = [_of_refused(item) for item in refused]
        else:
            queue = QUEUES[place - 1]
            letters, after = await self._letters.page(queue, limit, inner)
            items = [_of_letter(queue, item) for item in letters]
        if after is not None:
            return items, f"{place}:{after}"
        return items, f"{place + 1}:" if place < len(QUEUES) else None

    async def get(self, id: str) -> SetAside:
        """Raises LetterUnknown."""
        if id.startswith(_REJECTED):
            refused = await self._rejected.get(id)
            if refused is not None:
                return _of_refused(refused)
        else:
            queue, number = _parts(id)
            letter = await self._letters.get(queue, number)
            if letter is not None:
                return _of_letter(queue, letter)
        raise LetterUnknown

    async def correct(self, id: str, body: bytes) -> Json:
        """Return the message that a corrected body would be; nothing is sent. Raises LetterUnknown and LetterInvalid."""
        return await self._checked(await self.get(id), body)

    async def replay(self, id: str, actor: str, body: bytes | None = None) -> None:
        """Send a message again, corrected if need be, and remove it here. Raises LetterUnknown and LetterInvalid."""
        found = await self.get(id)
        content = found.text.encode() if body is None else body
        if body is None and not found.is_whole:
            raise LetterInvalid("it is too large to be sent again as it is")
        await self._checked(found, content)
        await self._audit(found, actor, "replay", content)
        if id.startswith(_REJECTED):
            self._events.publish(found.queue, replayed_id(id, content), content)
            await self._events.flush()
            await self._rejected.remove(id)
        else:
            await self._take(self._letters.replay(found.queue, _parts(id)[1], content))

    async def discard(self, id: str, actor: str) -> None:
        """Give a message up for good. Raises LetterUnknown."""
        found = await self.get(id)
        await self._audit(found, actor, "discard", None)
        if id.startswith(_REJECTED):
            await self._rejected.remove(id)
        else:
            await self._take(self._letters.discard(found.queue, _parts(id)[1]))

    async def _page_of_refused(self, limit: int, cursor: str | None) -> tuple[Sequence[Rejected], str | None]:
        try:
            return await self._rejected.page(limit, cursor)
        except ValueError:
            raise BadRequest("The cursor is not one of this list.", param="cursor") from None

    async def _take(self, taking: Awaitable[None]) -> None:
        try:
            await taking
        except DeadLetterMissing:
            raise LetterUnknown from None

    async def _audit(self, found: SetAside, actor: str, action: str, body: bytes | None) -> None:
        digest = sha256(body).hexdigest() if body is not None else None
        await self._audited(Deed(actor, action, found.id, found.queue, found.reason, digest, self._clock.now()))

    async def _checked(self, found: SetAside, body: bytes) -> Json:
        if len(body) > MOST_BYTES:
            raise LetterInvalid(f"it has more than {MOST_BYTES} bytes")
        try:
            if found.queue != USAGE_EVENTS:
                return _object(body)
            event = parsed(body, self._clock.now())
        except EventInvalid as error:
            raise LetterInvalid(str(error)) from None
        await self._refuse_posted(found.text, event)
        return event

    async def _refuse_posted(self, text: str, event: Json) -> None:
        """An entry is found by its event's id in the partition of its team and month: under others it would be entered twice."""
        for id, team, at in _places(text, event):
            if await self._rejected.is_posted(id, team, at):
                raise LetterInvalid(
                    f"the ledger already has the event {id} as use of the team {team} in {at:%Y-%m}; "
                    "discard the message, and correct the ledger by an adjustment if its entry is wrong"
                )


async def replay_events(
    letters: DeadLetters, rejected: RejectedStore, clock: Clock, *, budget_s: float = BUDGET_S
) -> int:
    """Send dead usage events again that nothing is wrong with, and return how many: they died of a store that was away for long.

    Each goes back at once, and then every six hours while its use is not older than a week. What is no event, and what is older, waits
    for somebody. Raises StoreUnavailable; what is done by then stays done.
    """
    now, until = clock.now(), clock.monotonic() + budget_s
    replayed, cursor = 0, None
    # Nothing is sent where it would only come back.
    await rejected.get(_REJECTED)
    while True:
        page, cursor = await letters.page(USAGE_EVENTS, _PAGE, cursor)
        for letter in page:
            if clock.monotonic() >= until:
                return _told(replayed)
            if _may_go_back(letter, now):
                with suppress(DeadLetterMissing):
                    await letters.replay(USAGE_EVENTS, letter.id)
                    replayed += 1
        if cursor is None:
            return _told(replayed)


def _told(replayed: int) -> int:
    if replayed:
        _log.warning("%d dead usage events were sent again", replayed)
    return replayed


def _may_go_back(letter: DeadLetter, now: datetime) -> bool:
    if letter.message_id.startswith(_SENT_AGAIN) and now - letter.at < REPLAYED_AGAIN_AFTER:
        return False
    try:
        event = parsed(letter.body, now)
    except EventInvalid:
        return False
    return now - datetime.fromisoformat(str(event["started_at"])) < REPLAYED_FOR


def _places(text: str, event: Json) -> Iterator[tuple[str, str, datetime]]:
    """Yield the ids, teams and months under which the ledger may have an event: as it was sent, as it is corrected, and between."""
    ids, teams, moments = [str(event["id"])], [str(event["team"])], [_moment(event)]
    with suppress(EventInvalid, KeyError, TypeError, ValueError, OverflowError):
        sent = _object(text.encode())
        ids += [str(sent["id"])]
        teams += [str(sent["team"])]
        moments += [_moment(sent)]
    months = {(at.year, at.month): at for at in moments}
    yield from product(dict.fromkeys(ids), dict.fromkeys(teams), months.values())


def _moment(event: Json) -> datetime:
    return datetime.fromisoformat(str(event["started_at"])).astimezone(UTC)


def _object(body: bytes) -> Json:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise EventInvalid("the message is not JSON") from None
    if not isinstance(message, dict):
        raise EventInvalid("the message is no JSON object")
    return message


def _place(cursor: str | None) -> tuple[int, str | None]:
    number, _, inner = (cursor or "0:").partition(":")
    if len(number) != 1 or number not in "0123":
        raise BadRequest("The cursor is not one of this list.", param="cursor")
    return int(number), inner or None


def _parts(id: str) -> tuple[str, str]:
    queue, _, number = id.partition(":")
    if queue not in QUEUES:
        raise LetterUnknown
    return queue, number


def _of_refused(refused: Rejected) -> SetAside:
    text = refused.body.decode("utf-8", "replace")
    return SetAside(refused.id, USAGE_EVENTS, refused.reason, refused.at, text, refused.is_whole)


def _of_letter(queue: str, letter: DeadLetter) -> SetAside:
    text = letter.body[:MOST_BYTES].decode("utf-8", "replace")
    is_whole = len(letter.body) <= MOST_BYTES
    return SetAside(f"{queue}:{letter.id}", queue, letter.reason, letter.at, text, is_whole)
