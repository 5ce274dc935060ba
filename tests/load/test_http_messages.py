"""The load generator finds the end of a message however the network cuts it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.load import canned
from tests.load.http_messages import MalformedMessage, MessageParser, post

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;extension=1\r\nlo\r\n0\r\n\r\n"


def fed(*pieces: bytes) -> MessageParser:
    parser = MessageParser()
    for piece in pieces:
        parser.feed(piece)
    return parser


@pytest.mark.parametrize("message", [SIZED, CHUNKED], ids=["sized", "chunked"])
@given(cuts=st.lists(st.integers(0, 90), max_size=6).map(sorted))
def test_a_message_cut_anywhere_is_read_whole(message: bytes, cuts: list[int]) -> None:
    edges = [0, *(min(cut, len(message)) for cut in cuts), len(message)]
    parser = fed(*(message[start:end] for start, end in pairwise(edges)))
    assert (parser.complete, parser.status, bytes(parser.body)) == (True, 200, b"hello")


@pytest.mark.parametrize("message", [SIZED, CHUNKED], ids=["sized", "chunked"])
def test_a_message_is_not_complete_before_its_last_byte(message: bytes) -> None:
    assert not fed(message[:-1]).complete


def test_the_body_is_there_as_soon_as_its_first_byte_is() -> None:
    parser = fed(CHUNKED[: CHUNKED.index(b"hel") + 1])
    assert (bytes(parser.body), parser.complete) == (b"h", False)


def test_what_follows_a_message_belongs_to_the_next_one() -> None:
    parser = fed(SIZED + CHUNKED)
    parser.next_message()
    assert (parser.complete, bytes(parser.body)) == (True, b"hello")


def test_trailers_after_the_last_chunk_are_part_of_the_message() -> None:
    parser = fed(CHUNKED[:-2] + b"x-trailer: 1\r\n\r\n")
    assert parser.complete


def test_an_answer_without_content_ends_with_its_head() -> None:
    assert fed(b"HTTP/1.1 204 No Content\r\nserver: x\r\n\r\n").complete


def test_a_request_without_a_length_has_no_body() -> None:
    assert fed(b"GET /msi/token HTTP/1.1\r\nhost: x\r\n\r\n").complete


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n",
    ],
    ids=["no end", "no size", "longer than its size"],
)
def test_an_answer_that_cannot_be_followed_is_refused(answer: bytes) -> None:
    with pytest.raises(MalformedMessage):
        fed(answer)


def test_a_posted_body_is_read_back() -> None:
    parser = fed(post("127.0.0.1:1", "/v1/chat/completions", b'{"model":"gpt-4o"}', {"authorization": "Bearer sk-1"}))
    assert parser.complete
    assert parser.head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"authorization: Bearer sk-1\r\n" in parser.head
    assert bytes(parser.body) == b'{"model":"gpt-4o"}'


def test_the_canned_stream_is_one_chunked_message_of_all_its_events() -> None:
    parser = fed(canned.stream_head(), *canned.stream_events())
    assert parser.complete
    assert parser.body.count(b"data: ") == canned.EVENTS + 1
    assert parser.body.endswith(b"data: [DONE]\n\n")


def test_the_canned_completion_has_some_five_hundred_bytes() -> None:
    parser = fed(canned.completion())
    assert parser.complete
    assert 400 < len(parser.body) < 600
