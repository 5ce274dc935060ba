"""Tells when messages could not be processed: once an hour for each place where something new has landed."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from shared.alerts.model import Notice
from shared.clock import Clock
from shared.ledger.rejected import RejectedStore
from shared.queues import USAGE_EVENTS, DeadLetters

COUNTED = 1000
"""More than so many are not counted."""

_PAGE = 200

type Page = tuple[Sequence["_Dated"], str | None]


class _Dated(Protocol):
    @property
    def at(self) -> datetime: ...


class Board(Protocol):
    async def raise_(self, notices: Iterable[Notice]) -> int: ...


async def raise_dead_letter_notices(
    letters: DeadLetters, rejected: RejectedStore, board: Board, clock: Clock, queues: Sequence[str]
) -> int:
    """Return how many messages wait for somebody, of at most 1,000 in each place. Raises StoreUnavailable."""
    refused = await _counted(lambda cursor: rejected.page(_PAGE, cursor))
    found = {f"refused by {USAGE_EVENTS}": refused}
    for queue in queues:
        found[f"set aside in {queue}"] = await _counted(_pages_of(letters, queue))
    notices = [_notice(place, *told, clock.now()) for place, told in found.items() if told]
    if notices:
        await board.raise_(notices)
    return sum(told[0] for told in found.values() if told)


def _pages_of(letters: DeadLetters, queue: str) -> Callable[[str | None], Awaitable[Page]]:
    return lambda cursor: letters.page(queue, _PAGE, cursor)


async def _counted(page_at: Callable[[str | None], Awaitable[Page]]) -> tuple[int, datetime] | None:
    """Return how many there are, and when the newest of them landed."""
    number, newest, cursor = 0, None, None
    while number < COUNTED:
        page, cursor = await page_at(cursor)
        for item in page:
            number, newest = number + 1, max(newest or item.at, item.at)
        if cursor is None:
            break
    return (number, newest) if newest else None


def _notice(place: str, number: int, newest: datetime, now: datetime) -> Notice:
    """The id holds the hour of the newest one: what has been told is not told again, and what is new at most once an hour."""
    counted = f"{number} or more" if number >= COUNTED else str(number)
    return Notice(
        id=f"dead_letter|{place}|{newest:%Y-%m-%dT%H}",
        kind="dead_letter",
        severity="critical",
        title=f"Messages could not be processed: {counted} {place}",
        text="Nothing is lost, but what they tell of is in no figure yet. Read them, correct them, and send them again.",
        at=now,
        facts=(("Messages", counted), ("Newest", newest.isoformat(timespec="seconds"))),
    )
