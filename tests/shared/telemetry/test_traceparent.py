import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.telemetry.traceparent import LONGEST, Parent, parent_of, span_id_of, trace_id_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = Parent(int(TRACE, 16), int(SPAN, 16))


def test_the_specifications_own_example_is_read() -> None:
    assert parent_of(f"00-{TRACE}-{SPAN}-01") == PARENT


def test_a_later_version_may_say_more() -> None:
    assert parent_of(f"cc-{TRACE}-{SPAN}-01") == PARENT
    assert parent_of(f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"[:LONGEST]) == PARENT


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01 ",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE[:-1]}٣-{SPAN}-01",
    ],
)
def test_what_is_malformed_is_as_if_it_were_not_there(header: str | None) -> None:
    assert parent_of(header) is None


@given(st.text(max_size=80) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{30,34}-[0-9a-f]{14,18}-[0-9a-f]{2}-?.{0,9}"))
@settings(max_examples=300)
def test_whatever_is_sent_either_is_a_parent_or_is_not(header: str) -> None:
    parent = parent_of(header)

    assert parent is None or (0 < parent.trace_id < 2**128 and 0 < parent.span_id < 2**64)
    assert parent == parent_of(header[:LONGEST]), "what is cut off decides nothing"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
@settings(max_examples=100)
def test_every_well_formed_header_is_read_back(trace: int, span: int, flags: int) -> None:
    assert parent_of(f"00-{trace:032x}-{span:016x}-{flags:02x}") == Parent(trace, span)


def test_a_call_without_a_parent_has_a_trace_of_its_own_that_all_parts_agree_on() -> None:
    assert trace_id_of("req_1", f"00-{TRACE}-{SPAN}-00") == PARENT.trace_id
    assert trace_id_of("req_1", None) == trace_id_of("req_1", "nonsense") != trace_id_of("req_2", None)
    assert len({span_id_of("req_1", part) for part in ("call", "settle", "attempt1", "attempt2")}) == 4
