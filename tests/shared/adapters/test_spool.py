import logging
from collections.abc import AsyncIterator, Sequence

import pytest

from shared.adapters.spool import Outgoing, Spool
from shared.documents import StoreUnavailable
from tests.fakes import FakeClock

A, B, D = (("queue", id, b"") for id in "abd")


class Store:
    def __init__(self) -> None:
        self.written: list[Outgoing] = []
        self.is_down = False

    def write(self, messages: Sequence[Outgoing]) -> None:
        if self.is_down:
            raise StoreUnavailable("the disk is full")
        self.written += messages


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def spool(store: Store, clock: FakeClock) -> AsyncIterator[Spool]:
    spool = Spool(store.write, clock, linger_s=60, capacity=2)
    yield spool
    await spool.close()


async def test_a_flush_does_not_wait_for_company(spool: Spool, store: Store) -> None:
    spool.put(A)
    spool.put(B)
    await spool.flush()

    assert store.written == [A, B]


async def test_closing_writes_what_is_left(spool: Spool, store: Store) -> None:
    spool.put(A)
    await spool.close()

    assert store.written == [A]


async def test_a_failed_flush_says_so_and_keeps_the_messages(spool: Spool, store: Store) -> None:
    store.is_down = True
    spool.put(A)
    with pytest.raises(StoreUnavailable, match="full"):
        await spool.flush()
    store.is_down = False
    await spool.flush()

    assert store.written == [A]


async def test_what_does_not_fit_into_memory_is_refused_and_counted(
    spool: Spool, store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.is_down = True
    for message in (A, B, D, D):
        spool.put(message)
    with pytest.raises(StoreUnavailable):
        await spool.flush()
    clock.advance(60)
    with pytest.raises(StoreUnavailable):
        await spool.flush()
    store.is_down = False
    await spool.flush()

    assert store.written == [A, B]
    assert caplog.messages == [
        "2 messages wait in memory and 1 were refused: the spool is full",
        "2 messages wait in memory and 2 were refused: the disk is full",
    ]


async def test_what_is_lost_at_the_end_is_counted(spool: Spool, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.is_down = True
    spool.put(A)
    await spool.close()

    assert caplog.record_tuples[-1][1:] == (
        logging.ERROR,
        "1 messages are lost: the store stayed unavailable until the end",
    )


async def test_a_closed_spool_refuses_loudly(spool: Spool, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await spool.close()
    spool.put(A)

    assert store.written == []
    assert "1 were refused: the spool is closed" in caplog.text
