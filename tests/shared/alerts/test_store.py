"""What is stored comes back as it was, once, and only who has its version may change it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.alerts.model import Delivery, Notice, State
from shared.alerts.store import DeliveryStore, Log, LogStore, NoticeStore, Sent
from shared.documents import StoreUnavailable
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.alerts.notices import NOTICE

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLAIN = Notice("plain", "report", "info", "T", "X", NOW)
DELIVERY = replace(Delivery.of(NOTICE, "ops", NOW), attempts=1, next_at=NOW + MINUTE)


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments(FakeClock(NOW))


async def test_a_notice_is_new_once_and_comes_back_whole(documents: MemoryDocuments) -> None:
    store = NoticeStore(documents)

    assert await store.add(NOTICE, NOW)
    assert not await store.add(replace(NOTICE, title="Another"), NOW)
    assert await store.add(PLAIN, NOW)
    assert (await store.get(NOTICE.id), await store.get("plain"), await store.get("none")) == (NOTICE, PLAIN, None)


async def test_notices_are_listed_newest_first_and_by_team(documents: MemoryDocuments) -> None:
    store = NoticeStore(documents)
    notices = [replace(PLAIN, id=f"n{n}", at=NOW + n * MINUTE, team="search" if n % 2 else None) for n in range(5)]
    for notice in notices:
        await store.add(notice, NOW)

    first, cursor = await store.page(limit=3)
    rest, end = await store.page(limit=3, cursor=cursor)

    assert [notice.id for notice in (*first, *rest)] == ["n4", "n3", "n2", "n1", "n0"]
    assert end is None
    assert [notice.id for notice in (await store.page("search"))[0]] == ["n3", "n1"]


async def test_notices_without_deliveries_are_found_until_they_are_routed(documents: MemoryDocuments) -> None:
    store = NoticeStore(documents)
    await store.add(NOTICE, NOW)
    await store.add(PLAIN, NOW + MINUTE)

    assert await store.unrouted(NOW, 10) == []
    assert await store.unrouted(NOW + 2 * MINUTE, 10) == [NOTICE.id, "plain"]
    await store.routed(NOTICE.id)
    await store.routed(NOTICE.id)
    await store.routed("none")
    assert await store.unrouted(NOW + 2 * MINUTE, 10) == ["plain"]
    assert await store.get(NOTICE.id) == NOTICE


async def test_a_delivery_is_opened_once_and_saved_over_the_version_that_was_read(documents: MemoryDocuments) -> None:
    store = DeliveryStore(documents)

    opened = await store.open(DELIVERY)
    assert opened is not None
    assert await store.open(DELIVERY) is None
    delivered = replace(DELIVERY, state=State.DELIVERED, last_status="200", next_at=None)
    assert await store.save(opened, delivered) is not None
    assert await store.save(opened, DELIVERY) is None
    found = await store.get(DELIVERY.id)
    assert found is not None
    assert found.delivery == delivered


async def test_due_is_what_is_pending_and_in_nobodys_hands(documents: MemoryDocuments) -> None:
    store = DeliveryStore(documents)
    for n, state in enumerate((State.PENDING, State.PENDING, State.FAILED)):
        await store.open(replace(DELIVERY, notice=f"n{n}", state=state, next_at=NOW + (2 - n) * MINUTE))

    assert [found.delivery.notice for found in await store.due(NOW + MINUTE, 10)] == ["n1"]
    assert [found.delivery.notice for found in await store.due(NOW + 2 * MINUTE, 10)] == ["n1", "n0"]


async def test_what_was_held_back_is_read_in_its_order(documents: MemoryDocuments) -> None:
    store = DeliveryStore(documents)
    for n in range(5):
        await store.open(replace(DELIVERY, notice=f"n{n}", state=State.SUPPRESSED, held_at=NOW + n * MINUTE))
    await store.open(replace(DELIVERY, notice="elsewhere", channel="mail", state=State.SUPPRESSED, held_at=NOW))

    held = [delivery.notice async for delivery in store.held("ops", NOW + MINUTE, NOW + 4 * MINUTE)]

    assert held == ["n1", "n2", "n3"]
    assert await store.first_held("ops", NOW + MINUTE) == NOW + MINUTE
    assert await store.first_held("ops", NOW + 5 * MINUTE) is None


async def test_the_delivery_log_can_be_narrowed_down(documents: MemoryDocuments) -> None:
    store = DeliveryStore(documents)
    for n, channel in enumerate(("ops", "mail", "ops")):
        state = State.FAILED if n == 2 else State.PENDING
        await store.open(replace(DELIVERY, notice=f"n{n}", channel=channel, at=NOW + n * MINUTE, state=state))

    assert [each.notice for each in (await store.page())[0]] == ["n2", "n1", "n0"]
    assert [each.notice for each in (await store.page(channel="ops"))[0]] == ["n2", "n0"]
    assert [each.notice for each in (await store.page(state=State.FAILED))[0]] == ["n2"]
    assert [each.notice for each in (await store.page(notice="n1"))[0]] == ["n1"]


SENT = (Sent(NOW, "search"), Sent(NOW, None))


async def test_of_two_who_write_a_log_one_has_to_read_again(documents: MemoryDocuments) -> None:
    store = LogStore(documents)
    mine = theirs = await store.read("ops")

    assert mine == Log("ops")
    assert await store.save(replace(mine, sent=SENT)) is not None
    assert await store.save(replace(theirs, sent=SENT)) is None
    read = await store.read("ops")
    assert read.sent == SENT
    assert await store.save(replace(read, told_until=NOW)) is not None
    assert await store.save(read) is None
    assert (await store.read("ops")).told_until == NOW


async def test_a_store_that_is_away_is_no_answer(documents: MemoryDocuments) -> None:
    documents.is_down = True

    with pytest.raises(StoreUnavailable):
        await NoticeStore(documents).add(NOTICE, NOW)
    with pytest.raises(StoreUnavailable):
        await DeliveryStore(documents).due(NOW, 1)
    with pytest.raises(StoreUnavailable):
        await LogStore(documents).read("ops")
