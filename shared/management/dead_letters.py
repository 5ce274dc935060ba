"""Messages that no job could work with: read, corrected and put back, or discarded."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from shared.fields import Strict
from shared.jobs.dead_letters import SetAside
from shared.management.call import Answer, Call
from shared.management.ledger import books_of
from shared.management.paging import Cursors, page_of

_REFUSED = "rej_"


class Correction(Strict):
    """The corrected message: a JSON object written as text, so that no digit is lost."""

    body: Annotated[str, Field(min_length=2, max_length=70_000)]


class Replay(Strict):
    """Without `body` the message goes back as it is, with it corrected."""

    body: Annotated[str, Field(min_length=2, max_length=70_000)] | None = None


class LetterAnswer(Strict):
    """A message that was set aside, and why. `text` is all of it, or its first 64 KB where not `is_whole`."""

    queue: str
    id: str
    reason: str | None
    at: AwareDatetime
    text: str
    is_whole: bool


async def letters(call: Call) -> Answer:
    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[SetAside], str | None]:
        return await books_of(call).dead_letters.page(limit, cursor)

    async def show(item: SetAside) -> dict[str, Any]:
        return _letter(item)

    cursors = Cursors(call.parts.pepper, "dead letters")
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


async def letter(call: Call) -> Answer:
    return Answer(_letter(await books_of(call).dead_letters.get(_id(call))))


async def check(call: Call) -> Answer:
    """Answer with the message as it would go back, if it can be worked with like this; nothing is sent."""
    letters = books_of(call).dead_letters
    await letters.correct(_id(call), call.body.body.encode())
    found = await letters.get(_id(call))
    return Answer({**_letter(found), "text": call.body.body, "is_whole": True})


async def replay(call: Call) -> Answer:
    body = None if call.body.body is None else call.body.body.encode()
    await books_of(call).dead_letters.replay(_id(call), actor_of(call), body)
    return Answer(None)


async def discard(call: Call) -> Answer:
    await books_of(call).dead_letters.discard(_id(call), actor_of(call))
    return Answer(None)


def actor_of(call: Call) -> str:
    """Return who does it, and in which way that was proved, in one text."""
    return f"{call.actor.kind}|{call.actor.id}"


def _id(call: Call) -> str:
    queue, letter = call.path["queue"], call.path["letter"]
    return letter if letter.startswith(_REFUSED) else f"{queue}:{letter}"


def _letter(letter: SetAside) -> dict[str, Any]:
    return {
        "queue": letter.queue,
        "id": letter.id.rpartition(":")[2],
        "reason": letter.reason,
        "at": letter.at.isoformat(),
        "text": letter.text,
        "is_whole": letter.is_whole,
    }
