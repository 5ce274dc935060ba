"""A notice is told once, whoever raises it and wherever that stops; operators can let a delivery start over."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.alerts.model import Delivery, State
from shared.alerts.service import DeliveryLog, NoticeBoard
from shared.alerts.store import DeliveryStore, NoticeStore
from shared.documents import StoreUnavailable
from tests.fakes import FakeClock, MemoryDocuments, MemoryEvents
from tests.shared.alerts.notices import NOTICE
from tests.shared.watched_documents import Dying, Meddled, port

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


async def test_a_notice_is_stored_and_published_once(documents: MemoryDocuments, clock: FakeClock) -> None:
    events = MemoryEvents()
    board = NoticeBoard(documents, events, clock)

    assert await board.raise_([NOTICE, replace(NOTICE, id="other")]) == 2
    assert await board.raise_([NOTICE]) == 0
    assert events.events == [{"id": NOTICE.id}, {"id": "other"}]


async def test_what_is_stored_is_bounded(documents: MemoryDocuments, clock: FakeClock) -> None:
    await NoticeBoard(documents, MemoryEvents(), clock).raise_([replace(NOTICE, text="x" * 10_000, title="a\r\nb")])

    stored = await NoticeStore(documents).get(NOTICE.id)
    assert stored is not None
    assert (len(stored.text), stored.title) == (2000, "a  b")


@pytest.mark.parametrize("carries_out", [False, True])
async def test_a_notice_whose_raiser_died_is_published_by_the_sweep_or_the_repetition(
    documents: MemoryDocuments, clock: FakeClock, carries_out: bool
) -> None:
    events = MemoryEvents()
    dying = NoticeBoard(port(Dying(documents, 1, carries_out=carries_out)), events, clock)
    with pytest.raises(StoreUnavailable):
        await dying.raise_([NOTICE])

    board = NoticeBoard(documents, events, clock)
    await board.raise_([NOTICE])
    clock.advance(61)
    await board.republish()

    assert events.events == [{"id": NOTICE.id}]


async def test_a_notice_is_not_published_again_before_there_was_time_to_route_it(
    documents: MemoryDocuments, clock: FakeClock
) -> None:
    board = NoticeBoard(documents, MemoryEvents(), clock)
    await board.raise_([NOTICE])

    assert await board.republish() == 0
    clock.advance(61)
    assert await board.republish() == 1
    await NoticeStore(documents).routed(NOTICE.id)
    assert await board.republish() == 0


async def opened(documents: MemoryDocuments, state: State) -> Delivery:
    delivery = replace(Delivery.of(NOTICE, "ops", NOW), state=state, attempts=6, last_status="500", held_at=NOW)
    await DeliveryStore(documents).open(delivery)
    return delivery


@pytest.mark.parametrize("state", [State.FAILED, State.SUPPRESSED, State.DELIVERED])
async def test_a_delivery_that_ended_can_start_over(documents: MemoryDocuments, clock: FakeClock, state: State) -> None:
    delivery = await opened(documents, state)

    again = await DeliveryLog(documents, clock).retry(delivery.id)

    assert again == replace(delivery, state=State.PENDING, attempts=0, next_at=NOW, held_at=None)
    assert [found.delivery for found in await DeliveryStore(documents).due(NOW, 10)] == [again]


async def test_a_delivery_under_way_stays_as_it_is(documents: MemoryDocuments, clock: FakeClock) -> None:
    delivery = await opened(documents, State.PENDING)

    assert await DeliveryLog(documents, clock).retry(delivery.id) == delivery
    assert await DeliveryLog(documents, clock).retry("none|ops") is None


async def test_a_delivery_that_changes_meanwhile_is_looked_at_again(
    documents: MemoryDocuments, clock: FakeClock
) -> None:
    delivery = await opened(documents, State.FAILED)
    log = DeliveryLog(documents, clock)
    meddled = DeliveryLog(port(Meddled(documents, 2, lambda: log.retry(delivery.id))), clock)

    again = await meddled.retry(delivery.id)

    assert again is not None
    assert (again.state, again.attempts) == (State.PENDING, 0)
    assert [each.id for each in (await log.page(state=State.PENDING))[0]] == [delivery.id]
