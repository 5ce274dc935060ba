"""A counter's document comes into being when it is first counted in, and goes when its window is long over."""

import asyncio

import pytest

from shared.documents import PreconditionFailed
from shared.leases.counter import Counter
from shared.leases.lease import Ports
from tests.shared.leases.fleet import Fleet
from tests.shared.watched_documents import port


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def counter(fleet: Fleet) -> Counter:
    ports = Ports(port(fleet.store), fleet.clock, "inst_1", fleet.tasks.spawn)
    return Counter(ports, "requests", "7", ttl_s=3660, initial=lambda: 5)


async def test_before_its_first_use_it_has_its_initial_value(fleet: Fleet, counter: Counter) -> None:
    assert await counter.read() == 5
    assert fleet.calls() == {"get": 1}


async def test_two_who_use_it_first_at_once_are_both_counted(counter: Counter) -> None:
    assert sorted(await asyncio.gather(counter.add(10), counter.add(100))) in ([15, 115], [105, 115])
    assert await counter.read() == 115


async def test_it_does_not_pass_a_ceiling(counter: Counter) -> None:
    await counter.add(10, ceiling=15)
    with pytest.raises(PreconditionFailed):
        await counter.add(1, ceiling=15)

    assert await counter.read() == 15


async def test_its_document_says_its_schema_and_expires(fleet: Fleet, counter: Counter) -> None:
    await counter.add(1)
    document = await fleet.store.documents.get("counters", "requests", "7")
    assert document is not None
    assert document.body == {"schema": 1, "id": "7", "granted": 6}

    fleet.clock.advance(3660)

    assert await fleet.store.documents.get("counters", "requests", "7") is None
