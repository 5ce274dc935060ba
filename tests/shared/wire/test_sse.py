"""Whatever the stream and however it is cut into pieces, what goes out is what came in."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.wire import sse
from shared.wire.sse import EventWatch, event_data

MARK = re.compile(rb'"usage"')
EVERYTHING = re.compile(b"")

line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
contents = st.sampled_from(
    [
        b'data: {"usage":1}',
        b"data: [DONE]",
        b"data:",
        ": 💓".encode(),
        b"event: x\0y",
        b"id",
        'data: {"é":"𝄞"}'.encode(),
    ]
) | st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20).map(
    lambda text: b"data: " + text.encode()
)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Whole events with one kind of line end."""
    end = draw(line_ends)
    events = draw(st.lists(st.lists(contents, min_size=1, max_size=3), max_size=6))
    return [b"".join(line + end for line in lines) + end for lines in events]


def in_pieces(raw: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({min(cut, len(raw)) for cut in cuts} | {0, len(raw)})
    return [raw[start:end] for start, end in pairwise(places)]


def run(watch: EventWatch, pieces: Sequence[bytes]) -> bytes:
    return b"".join([watch.feed(piece) for piece in pieces]) + watch.finish()


cuts_at = st.lists(st.integers(0, 200), max_size=12)


@given(streams(), contents | st.just(b""), cuts_at, st.booleans())
def test_a_stream_of_which_everything_is_admitted_passes_unchanged(
    events: list[bytes], rest: bytes, cuts: list[int], holds_back: bool
) -> None:
    raw = b"".join(events) + rest

    assert run(EventWatch(MARK, lambda _: True, cuts=holds_back), in_pieces(raw, cuts)) == raw
    assert run(EventWatch(MARK, lambda _: True, cuts=holds_back), [raw[i : i + 1] for i in range(len(raw))]) == raw


@given(streams(), cuts_at)
def test_exactly_the_refused_events_are_missing(events: list[bytes], cuts: list[int]) -> None:
    raw = b"".join(events)
    expected = b"".join(event for event in events if not MARK.search(event))

    assert run(EventWatch(MARK, lambda _: False, cuts=True), in_pieces(raw, cuts)) == expected
    assert run(EventWatch(MARK, lambda _: False, cuts=True), [raw[i : i + 1] for i in range(len(raw))]) == expected


@given(streams(), cuts_at, st.booleans())
def test_the_watcher_sees_each_interesting_event_once_and_nothing_else(
    events: list[bytes], cuts: list[int], holds_back: bool
) -> None:
    seen: list[bytes] = []

    run(EventWatch(MARK, lambda event: not seen.append(event), cuts=holds_back), in_pieces(b"".join(events), cuts))  # type: ignore[func-returns-value]

    assert seen == [event for event in events if MARK.search(event)]


@given(streams(), cuts_at)
def test_what_does_not_cut_passes_every_piece_at_once(events: list[bytes], cuts: list[int]) -> None:
    watch = EventWatch(EVERYTHING, lambda _: False, cuts=False)

    for piece in in_pieces(b"".join(events), cuts):
        assert watch.feed(piece) == piece
    assert watch.finish() == b""


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\n", b"\r", b"\r\n", b"data: ", b'"usage"', b"\xf0\x9f"])))
def test_random_bytes_pass_and_raise_nothing(pieces: list[bytes]) -> None:
    for holds_back in (True, False):
        assert run(EventWatch(MARK, lambda _: True, cuts=holds_back), pieces) == b"".join(pieces)


@given(streams(), cuts_at)
def test_between_whole_events_a_comment_may_follow_and_inside_one_it_may_not(
    events: list[bytes], cuts: list[int]
) -> None:
    watch = EventWatch(MARK, lambda _: True, cuts=True)
    raw, at = b"".join(events), 0
    borders = {len(b"".join(events[:count])) for count in range(len(events) + 1)}

    for piece in in_pieces(raw, cuts):
        watch.feed(piece)
        at += len(piece)
        assert watch.is_at_border == (at in borders)


def test_an_unfinished_last_event_is_shown_and_can_be_refused() -> None:
    watch = EventWatch(MARK, lambda _: False, cuts=True)

    assert watch.feed(b'data: 1\n\ndata: {"usage":') == b"data: 1\n\n"
    assert watch.feed(b"1}") == b""
    assert not watch.is_at_border
    assert watch.finish() == b""
    assert watch.is_at_border


def test_an_event_beyond_the_cap_passes_unseen_and_the_next_one_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)
    seen: list[bytes] = []
    watch = EventWatch(MARK, lambda event: bool(seen.append(event)), cuts=True)  # type: ignore[func-returns-value]
    huge = b'data: "usage"' + b"x" * 3000

    passed = b"".join(watch.feed(huge[start : start + 100]) for start in range(0, len(huge), 100))
    passed += watch.feed(b"\n\n") + watch.feed(b'data: "usage"\n\n') + watch.finish()

    assert passed == huge + b"\n\n"
    assert seen == [b'data: "usage"\n\n']


def test_a_large_event_in_small_pieces_is_held_and_released_whole() -> None:
    event = b"data: " + b"x" * 2_000_000 + b"\n\n"
    watch = EventWatch(MARK, lambda _: True, cuts=True)

    passed = [watch.feed(event[start : start + 1000]) for start in range(0, len(event), 1000)]

    assert passed[-1] == event
    assert not any(passed[:-1])


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b'data: {"a":1}\n\n', b'{"a":1}'),
        (b"data:1\r\n\r\n", b"1"),
        (b"data:  two blanks\r\r", b" two blanks"),
        (b"event: x\n: comment\nid: 7\ndata: a\ndata: b\n\n", b"a\nb"),
        (b"\ndata: \xe2\x80\xa8\n\n", b"\xe2\x80\xa8"),
        (b": only a comment\n\n", b""),
        (b"", b""),
    ],
)
def test_an_events_data_is_its_data_lines(event: bytes, data: bytes) -> None:
    assert event_data(event) == data
