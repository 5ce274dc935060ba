import gc
import warnings
from collections.abc import AsyncIterator

import pytest

from shared.adapters.service_bus_dead_letters import ServiceBusDeadLetters
from shared.documents import StoreUnavailable
from tests.peers.service_bus import NpmMissing, ServiceBusPeer, service_bus_peer
from tests.shared.adapters.dead_letters_contract import DeadLettersContract, Q, everything
from tests.shared.adapters.test_service_bus import SharedKey, client


class _BrokersLetters:
    def __init__(self, peer: ServiceBusPeer) -> None:
        self.peer = peer
        self.port = ServiceBusDeadLetters(
            peer.connection_string,
            credential_factory=SharedKey,
            client_factory=client,
            patience_s=5,
            wait_s=0.2,
        )

    async def set_aside(self, *ids: str, reason: str = "cannot be read") -> None:
        for id in ids:
            await self.peer.dead_letter(Q, id, reason)

    async def waiting(self) -> dict[str, bytes]:
        return await self.peer.received(Q)


@pytest.fixture
async def letters() -> AsyncIterator[_BrokersLetters]:
    try:
        async with service_bus_peer(Q) as peer:
            yield _BrokersLetters(peer)
    except NpmMissing as reason:
        pytest.skip(str(reason))
    finally:
        # The SDK forgets to close the socket of a connection that broke.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


class TestServiceBusDeadLetters(DeadLettersContract):
    pass


async def test_who_dies_before_the_letter_is_removed_has_replayed_it_and_the_queue_drops_a_second_time(
    letters: _BrokersLetters,
) -> None:
    await letters.set_aside("req_1")
    (letter,) = await everything(letters)
    await letters.peer.do("lose")
    await letters.port.replay(Q, letter.id, b"mended")
    assert await letters.peer.depth_of_dead_letters(Q) == 1
    await letters.peer.do("accept")

    await letters.port.replay(Q, letter.id, b"mended")

    assert list((await letters.waiting()).values()).count(b"mended") == 1
    assert await letters.peer.depth_of_dead_letters(Q) == 0


async def test_a_letter_that_is_not_sent_is_not_removed(letters: _BrokersLetters) -> None:
    await letters.set_aside("req_1")
    (letter,) = await everything(letters)
    await letters.peer.do("refuse")

    with pytest.raises(StoreUnavailable):
        await letters.port.replay(Q, letter.id, b"mended")

    assert [item.id for item in await everything(letters)] == [letter.id]


async def test_a_broker_that_is_away_is_said_to_be(letters: _BrokersLetters) -> None:
    await letters.peer.do("away")

    with pytest.raises(StoreUnavailable):
        await letters.port.page(Q, 10)
    await letters.peer.do("back")
