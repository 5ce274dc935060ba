from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.documents import (
    cell_document,
    cell_of,
    chained,
    entry_document,
    entry_of,
    head_document,
    head_of,
    moment,
)
from shared.ledger.model import Capacity, Cell, CellKey, Dimensions, Entry, EntryType, Grain, Head, View

NOW = datetime(2026, 11, 21, 5, 0, 0, 123456, tzinfo=UTC)
TEXT = st.none() | st.text(min_size=1, max_size=8)
NUMBERS = st.integers(-(2**62), 2**62).filter(bool)
SUMS = st.dictionaries(st.sampled_from(["cost", "requests", "tokens.input_fresh"]), NUMBERS)
DIMENSIONS = st.builds(
    Dimensions,
    st.text(max_size=9),
    st.sampled_from(EntryType),
    area=TEXT,
    model=TEXT,
    tier=TEXT,
    capacity=st.sampled_from(Capacity),
)
ENTRIES = st.builds(
    Entry,
    id=st.text(min_size=1, max_size=9),
    at=st.just(NOW),
    posted_at=st.just(NOW),
    dimensions=DIMENSIONS,
    sums=SUMS,
    event=TEXT,
    cost=st.none() | st.just(0) | NUMBERS,
    lines=SUMS,
    price=TEXT,
    tags=st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple),
    session=TEXT,
    reason=TEXT,
    adjusts=TEXT,
    unpriced=st.lists(st.text(min_size=1, max_size=5), max_size=2).map(tuple),
    actor=TEXT,
)


@given(ENTRIES, st.integers(1, 10**6))
def test_an_entry_is_read_as_it_was_written(entry: Entry, posting: int) -> None:
    read = entry_of(orjson.loads(orjson.dumps(entry_document(entry, posting))))

    assert read == entry
    assert read.posting == posting


@given(DIMENSIONS, SUMS, st.sampled_from(View), st.sampled_from(Grain), TEXT)
def test_a_cell_is_read_as_it_was_written(
    dimensions: Dimensions, sums: dict[str, int], view: View, grain: Grain, tag: str | None
) -> None:
    cell = Cell(CellKey(view, grain, NOW.replace(microsecond=0), dimensions, tag), sums)
    document = cell_document(cell)

    assert cell_of(orjson.loads(orjson.dumps(document))) == cell
    assert document["id"] == cell.key.id == cell_document(cell, cell.key.id)["id"]


@given(SUMS, st.integers(0, 10**9), st.text(max_size=9))
def test_a_head_is_read_as_it_was_written(sums: dict[str, int], number: int, digest: str) -> None:
    for head in (Head(), Head(number, number, sums, digest, NOW)):
        assert head_of(orjson.loads(orjson.dumps(head_document(head)))) == head


@given(SUMS)
def test_no_stored_number_is_larger_than_a_double_holds(sums: dict[str, int]) -> None:
    stored = head_document(Head(sums=sums))["sums"]

    assert isinstance(stored, dict)
    assert all(isinstance(number, str) or abs(number) < 2**53 for number in stored.values())


def test_moments_sort_as_text_whatever_their_zone() -> None:
    berlin = NOW.astimezone(ZoneInfo("Europe/Berlin"))
    moments = [NOW.replace(microsecond=0), NOW, berlin + timedelta(microseconds=1), NOW + timedelta(seconds=1)]

    assert [moment(each) for each in moments] == sorted(moment(each) for each in moments)
    assert moment(berlin) == moment(NOW)


def test_the_chain_depends_on_what_was_posted_and_on_what_went_before_but_not_on_the_order() -> None:
    one, other = ("led_1", {"cost": 5}), ("led_2", {"cost": 7})

    assert chained("", [one, other]) == chained("", [other, one])
    digests = {chained("", [one]), chained("", [other]), chained("x", [one]), chained("", [("led_1", {"cost": 6})])}
    assert len(digests) == 4
