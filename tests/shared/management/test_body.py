import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.management.body import MAX_BYTES, MAX_DEPTH, MAX_VALUES, parse_object
from shared.management.problems import Invalid, Malformed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
def test_a_sound_object_is_read_as_it_is(document: dict[str, Any]) -> None:
    assert parse_object(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.binary(max_size=60) | st.text('{}[]"\\,:1eE-.ntu ', max_size=60).map(str.encode))
def test_whatever_comes_is_an_object_or_a_problem(raw: bytes) -> None:
    with suppress(Malformed, Invalid):
        assert isinstance(parse_object(raw), dict)


def test_decimals_lose_no_digit() -> None:
    assert parse_object(b'{"a": 0.123456789123456789}') == {"a": Decimal("0.123456789123456789")}


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def test_nesting_has_its_bounds_and_brackets_in_text_are_none() -> None:
    assert parse_object(nested(MAX_DEPTH))
    assert parse_object(b'{"a": "' + b"[{" * 100 + b'\\"[["}')
    with pytest.raises(Malformed, match="nested"):
        parse_object(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": "' + b'\\"' * (MAX_BYTES // 2 - 10),
        b'"' * MAX_BYTES,
        b"[" * MAX_BYTES,
        b'{"a":' * 100_000,
        b'{"a": [' + b"1," * MAX_VALUES + b"1]}",
        b'{"a": ' + b"9" * 100_000 + b"}",
    ],
    ids=["escapes", "quotes", "brackets", "objects", "values", "digits"],
)
def test_what_is_meant_to_keep_the_parser_busy_is_refused(raw: bytes) -> None:
    with pytest.raises((Malformed, Invalid)):
        parse_object(raw)


@pytest.mark.parametrize(
    "number", ["1e-3000000", "1E31", "1e-31", "1e400", "0." + "3" * 60, "9" * 61, "-" + "9" * 5000, "0E+999999999"]
)
def test_a_number_beyond_reason_is_not_read_and_its_field_is_named(number: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_object(f'{{"a": 1, "thresholds": [{{"percent": {number}}}, 1e30, 1e-30]}}'.encode())

    assert [error.field for error in refused.value.errors] == ["thresholds[0].percent"]
    assert number not in str(refused.value)
