from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents import Create, Replace
from shared.ledger.batch import MOST, NOTHING, Cells, Item, Known, batch_of, chunks
from shared.ledger.model import Grain, Head, View, add
from shared.ledger.posting import entry_of
from tests.shared.ledger.synthetic import MORNING, event, per_token


def items(count: int, users: int, tags: int) -> list[Item]:
    cells = Cells("Europe/Berlin")
    events = [
        event(f"req_{n:03}", user=f"user-{n % users}", tags={f"t{n}-{tag}": "x" for tag in range(tags)})
        for n in range(count)
    ]
    entries = [entry_of(each, per_token(each), MORNING) for each in events]
    return [Item(entry, cells.of(entry), each) for entry, each in zip(entries, events, strict=True)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 150), st.integers(1, 40), st.integers(0, 10))
def test_every_chunk_fits_into_a_batch_and_nothing_is_left_out(count: int, users: int, tags: int) -> None:
    every = items(count, users, tags)
    divided = list(chunks(every))

    assert sorted(item.entry.id for chunk in divided for item in chunk) == [item.entry.id for item in every]
    for chunk in divided:
        ids = {id for item in chunk for id in item.cells}
        batch = batch_of(chunk, Head(), None, dict.fromkeys(ids, NOTHING), MORNING)
        assert 0 < len(batch.operations) <= MOST


def test_what_shares_cells_shares_a_batch() -> None:
    (first, *_) = chunks(items(200, 4, 0))

    assert len(first) > 40


def test_a_batch_leads_from_what_is_known_to_the_next_state() -> None:
    (chunk,) = chunks(items(3, 1, 0))
    known = {id: Known({"requests": 5, "entries": 5}, "7") for id in chunk[0].cells}

    batch = batch_of(chunk, Head(4, 5, {"requests": 5}, "abc"), "9", known, MORNING)

    assert (batch.head.sequence, batch.head.events, batch.head.sums["requests"]) == (5, 8, 8)
    assert {sums["requests"] for sums in batch.cells.values()} == {8}
    written = [operation for operation in batch.operations if isinstance(operation, Create | Replace)]
    kinds = [(type(operation), operation.document["kind"]) for operation in written]
    assert kinds == [(Replace, "head")] + [(Replace, "cell")] * 6 + [(Create, "entry")] * 3 + [(Create, "event")] * 3
    assert add(*(item.entry.counted() for item in chunk))["requests"] == 3


def test_entries_with_the_same_cells_find_them_once() -> None:
    one, other = items(2, 1, 0)

    assert one.cells is other.cells
    assert {(key.view, key.grain) for key in one.cells.values()} == {
        (view, grain) for view in (View.DETAIL, View.TOTAL) for grain in Grain
    }
