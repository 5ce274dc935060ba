"""The arithmetic of postings, held to the code that makes them."""

from datetime import timedelta

import orjson
import pytest

from shared.ledger.batch import Cells, Item
from shared.ledger.batch import chunks as real_chunks
from shared.ledger.documents import entry_document
from shared.ledger.posting import entry_of
from tests.load.scale import facts
from tests.load.scale.posting import chunks, distinct, units_per_event
from tests.shared.ledger import synthetic


def test_chunks_are_as_large_as_those_that_the_ledger_makes() -> None:
    cells = Cells("UTC")
    items = []
    for number in range(200):
        event = synthetic.event(f"req_{number}", user=f"user-{number % 20}", key=f"vk_{number % 20}")
        entry = entry_of(event, synthetic.per_token(event), synthetic.MORNING)
        items.append(Item(entry, cells.of(entry), event))

    real = [
        (len(chunk), 1 + len({id for item in chunk for id in item.cells}) + 2 * len(chunk))
        for chunk in real_chunks(items)
    ]
    ours = [(chunk.events, chunk.writes) for chunk in chunks(200, 20)]

    assert sum(events for events, _ in ours) == 200
    assert abs(len(real) - len(ours)) <= 1
    assert all(writes <= 100 for _, writes in ours)
    assert abs(sum(writes for _, writes in real) - sum(writes for _, writes in ours)) <= 20


def test_a_single_event_costs_what_was_measured() -> None:
    (chunk,) = chunks(1, 20)
    assert chunk.units == pytest.approx(facts.UNITS_BY_BATCH[0][1], abs=2)


def test_few_events_are_all_different_and_many_share() -> None:
    assert distinct(1, 20) == 1
    assert 8 <= distinct(10, 20) <= 10
    assert distinct(1_000, 20) == 20


def test_units_of_an_event_are_about_those_measured() -> None:
    shares = [0.67**team * 0.33 for team in range(11)] + [0.67**11]
    for size, measured in facts.UNITS_BY_BATCH:
        assert units_per_event(size, shares) == pytest.approx(measured, rel=0.2)


def test_an_event_and_its_entry_are_as_long_as_is_reckoned_with() -> None:
    events = list(synthetic.events(200, 12, timedelta(hours=1)))
    entries = [entry_document(entry_of(event, synthetic.per_token(event), synthetic.MORNING), 1) for event in events]
    event_bytes = sum(len(orjson.dumps(event)) for event in events) / 200
    entry_bytes = sum(len(orjson.dumps(entry, default=dict)) for entry in entries) / 200

    assert abs(event_bytes / facts.EVENT_BYTES.value - 1) < 0.1
    assert abs((event_bytes + entry_bytes) / facts.STORED_BYTES.value - 1) < 0.15
