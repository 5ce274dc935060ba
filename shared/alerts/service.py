"""The board that every notice is put on: stored once, then on its way through the queue."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import orjson

from shared.alerts.model import Delivery, Notice, State
from shared.alerts.store import DeliveryStore, NoticeStore
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.queues import ALERTS, EventPublisher

STALE = timedelta(minutes=1)
"""How long a stored notice may be without deliveries before the sweep publishes it again."""

_SWEPT = 500
_log = logging.getLogger("tollgate.alerts")


class NoticeBoard:
    """Jobs and services raise notices here. Raising the same again does nothing, so a job that is repeated tells nothing twice."""

    def __init__(self, documents: DocumentStore, events: EventPublisher, clock: Clock) -> None:
        self._notices = NoticeStore(documents)
        self._events = events
        self._clock = clock

    async def raise_(self, notices: Iterable[Notice]) -> int:
        """Store each notice once, publish those that are new, and return how many were. Raises StoreUnavailable.

        A notice that was stored and not published, because the process died in between, is found by the sweep.
        """
        new = 0
        for notice in notices:
            bounded = notice.bounded()
            if await self._notices.add(bounded, self._clock.now()):
                self._publish(bounded.id)
                _log.warning("notice %s: %s", bounded.id, bounded.severity)
                new += 1
        return new

    async def republish(self) -> int:
        """Publish again what has waited without deliveries, and return how much that was. Raises StoreUnavailable."""
        waiting = await self._notices.unrouted(self._clock.now() - STALE, _SWEPT)
        for id in waiting:
            self._publish(id)
        return len(waiting)

    def _publish(self, id: str) -> None:
        self._events.publish(ALERTS, id, orjson.dumps({"id": id}))


class DeliveryLog:
    """What operators see of deliveries, and may do about them."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._deliveries = DeliveryStore(documents)
        self._clock = clock

    async def page(
        self,
        limit: int = 100,
        cursor: str | None = None,
        *,
        notice: str | None = None,
        channel: str | None = None,
        state: State | None = None,
    ) -> tuple[tuple[Delivery, ...], str | None]:
        """Return deliveries, newest first. Raises StoreUnavailable."""
        return await self._deliveries.page(limit, cursor, notice=notice, channel=channel, state=state)

    async def retry(self, id: str) -> Delivery | None:
        """Let a delivery start over with the next sweep, within a minute; None where there is none. Raises StoreUnavailable.

        One that is pending already stays as it is: it may be on its way this moment.
        """
        while (claimed := await self._deliveries.get(id)) is not None:
            delivery = claimed.delivery
            if delivery.state is State.PENDING:
                return delivery
            again = replace(delivery, state=State.PENDING, attempts=0, next_at=self._clock.now(), held_at=None)
            if await self._deliveries.save(claimed, again):
                return again
        return None
