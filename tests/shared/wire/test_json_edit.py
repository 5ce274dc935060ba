"""An edit changes one member and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.wire.json_edit import DuplicateKey, ask_for_usage, member_spans, refuse_duplicates, set_member, set_model

Json = dict[str, Any]

TRICKY = [
    "model",
    "stream_options",
    '"model":',
    '"model": "gpt-4o"',
    "include_usage",
    'a"model',
    "\\",
    "é",
    "𝄞",
    "{",
    "\n",
]
texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(TRICKY)
names = st.sampled_from(["gpt-4o", "gpt-4o-mini", 'with "quotes"', "modèle", "model", "back\\slash"])
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
members = st.dictionaries(texts, values, max_size=5)
models = st.fixed_dictionaries({}, optional={"model": names | st.none() | st.integers(0, 9), "nested": values})
objects = st.builds(lambda some, more: {**some, **more}, members, models)


def escaped_everywhere(value: object) -> str:
    """JSON in which every character of every string is written as an escape."""
    if isinstance(value, str):
        units = value.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)) + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{escaped_everywhere(k)}:{escaped_everywhere(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(escaped_everywhere, value)) + "]"
    return json.dumps(value)


STYLES: list[Callable[[object], str]] = [
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: json.dumps(value, separators=(",", ":")),
    lambda value: "\r\n " + json.dumps(value, indent="\t", separators=(" ,", " : ")) + " \n",
    lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    escaped_everywhere,
]
written = st.builds(lambda value, style: style(value).encode(), objects, st.sampled_from(STYLES))


def assert_only_span_changed(before: bytes, after: bytes, key: str) -> None:
    """What surrounds the member's value, or the place where the member was put in, is the same to the byte."""
    text, edited = before.decode(), after.decode()
    spans = member_spans(text)
    if key in spans:
        start, end = spans[key]
        head, tail = text[:start], text[end:]
    else:
        at = text.index("{") + 1
        head, tail = text[:at], text[at:]
    assert edited.startswith(head)
    assert edited.endswith(tail)
    assert len(edited) >= len(head) + len(tail)


@given(written, names)
def test_setting_the_model_changes_only_the_model(raw: bytes, model: str) -> None:
    parsed = orjson.loads(raw)

    edited = set_model(raw, parsed, model)

    assert orjson.loads(edited) == {**parsed, "model": model}
    assert_only_span_changed(raw, edited, "model")


@given(members, names, st.sampled_from(STYLES))
def test_a_model_that_is_right_already_leaves_every_byte(
    value: Json, model: str, style: Callable[[object], str]
) -> None:
    raw = style({**value, "model": model}).encode()

    assert set_model(raw, orjson.loads(raw), model) is raw


@given(written, st.none() | st.dictionaries(texts, scalars, max_size=3))
def test_asking_for_usage_keeps_the_other_stream_options(raw: bytes, options: Json | None) -> None:
    original = orjson.loads(raw)
    given_options = {"stream_options": options} if options != {} else {}
    raw = json.dumps({**original, **given_options}, ensure_ascii=len(original) % 2 == 0).encode()
    parsed = orjson.loads(raw)

    edited = ask_for_usage(raw, parsed)

    kept = parsed.get("stream_options")
    expected = {**(kept if isinstance(kept, dict) else {}), "include_usage": True}
    assert orjson.loads(edited) == {**parsed, "stream_options": expected}
    assert_only_span_changed(raw, edited, "stream_options")


@given(written, texts, values)
def test_setting_any_member_changes_only_that_member(raw: bytes, key: str, value: object) -> None:
    parsed = orjson.loads(raw)

    edited = set_member(raw, key, json.dumps(value))

    assert orjson.loads(edited) == {**parsed, key: value}
    assert_only_span_changed(raw, edited, key)


@given(written)
def test_members_are_found_where_they_stand(raw: bytes) -> None:
    text = raw.decode()

    found = {key: orjson.loads(text[start:end]) for key, (start, end) in member_spans(text).items()}

    assert found == orjson.loads(raw)


@given(objects, st.sampled_from(STYLES))
def test_an_object_without_doubled_keys_is_not_refused(value: Json, style: Callable[[object], str]) -> None:
    assert refuse_duplicates(style(value).encode()) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"{}", b'{"model": "new"}'),
        (b" { } ", b' {"model": "new" } '),
        (b'{"a":1}', b'{"model": "new","a":1}'),
        (b'{"model":null,"a":1}', b'{"model":"new","a":1}'),
        (b'{"model": 4 ,"a":1}', b'{"model": "new" ,"a":1}'),
        (b'{"\\u006dodel":"old"}', b'{"\\u006dodel":"new"}'),
        (b'{"mode\\u006C":"old"}', b'{"mode\\u006C":"new"}'),
        (b'{"a":{"model":"old"},"model":"old"}', b'{"a":{"model":"old"},"model":"new"}'),
        (b'{"a":"\\"model\\":\\"old\\"","model":"old"}', b'{"a":"\\"model\\":\\"old\\"","model":"new"}'),
        (b'{"model" \n:\t"old"}', b'{"model" \n:\t"new"}'),
        (b'{"model":"o\\u006cd"}', b'{"model":"new"}'),
    ],
)
def test_the_model_is_set_where_the_reader_will_look(raw: bytes, expected: bytes) -> None:
    edited = set_model(raw, orjson.loads(raw), "new")

    assert orjson.loads(edited) == orjson.loads(expected)
    assert edited.replace(b'"model":"new"', b'"model": "new"') == expected.replace(b'"model":"new"', b'"model": "new"')


@pytest.mark.parametrize(
    "raw",
    [
        b'{"\\u006dodel":"old","x":{"model":"old"}}',
        b'{"x":{"model":"old"},"m\\u006fdel":"old"}',
        b'{"a\\"model":"old","\\u006dodel":"old"}',
    ],
)
def test_an_escaped_key_does_not_let_a_nested_model_be_taken_for_the_top_one(raw: bytes) -> None:
    parsed = orjson.loads(raw)

    assert orjson.loads(set_model(raw, parsed, "new")) == {**parsed, "model": "new"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"a","model":"b"}',
        b'{"model":"b","model":"b"}',
        b'{"model":"a","\\u006dodel":"b"}',
        b'{"\\u006dodel":"b","model":"b"}',
        b'{"model":null,"model":"b"}',
    ],
)
@pytest.mark.parametrize("model", ["a", "b", "c"])
def test_a_model_that_is_written_twice_is_refused_whatever_is_to_be_set(raw: bytes, model: str) -> None:
    with pytest.raises(DuplicateKey) as refused:
        set_model(raw, orjson.loads(raw), model)

    assert refused.value.key == "model"


def test_stream_options_that_are_written_twice_are_refused() -> None:
    raw = b'{"stream_options":{},"stream_\\u006fptions":null}'

    with pytest.raises(DuplicateKey):
        ask_for_usage(raw, orjson.loads(raw))


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"x":[{"a":1,"\\u0061":2}]}', b'[{"a":{"b":1,"b":2}}]'])
def test_a_doubled_key_is_found_at_any_depth(raw: bytes) -> None:
    with pytest.raises(DuplicateKey):
        refuse_duplicates(raw)


def test_as_deep_as_the_parser_goes_the_edit_goes_too() -> None:
    raw = b'{"x":' + b'{"model":' * 1000 + b"1" + b"}" * 1000 + b',"model":null}'

    edited = set_model(raw, orjson.loads(raw), "new")

    assert edited == raw.replace(b"null", b'"new"')
