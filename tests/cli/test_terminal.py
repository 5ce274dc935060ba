"""What is written for machines can be read back, whatever names people have chosen."""

import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.apply import as_yaml
from cli.document import read_document
from cli.terminal import as_json, clean

# What a name may hold: no control characters below the blank.
TEXTS = st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=20)
VALUES = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    st.one_of(TEXTS, st.integers(-(10**15), 10**15), st.booleans(), st.none(), st.lists(TEXTS, max_size=3)),
    min_size=1,
    max_size=4,
)


@given(VALUES)
@settings(max_examples=100)
def test_an_export_is_read_back_as_it_was(values: dict[str, object]) -> None:
    assert read_document("x", as_yaml(values).encode()).root == values
    assert read_document("x", as_json(values).encode()).root == values
    assert json.loads(as_json(values)) == values


def test_texts_that_look_like_something_else_stay_texts() -> None:
    values = {"a": "2027-01-31", "b": "10.10", "c": "yes", "d": "1:30", "e": "null", "f": "0x1f", "g": "~", "h": "*x"}

    assert read_document("x", as_yaml(values).encode()).root == values
    assert yaml.safe_load(as_json(values)) == values


@given(st.text(max_size=20))
@settings(max_examples=50)
def test_what_is_shown_holds_no_control_characters(text: str) -> None:
    assert all(char in "\t\n" or not (ord(char) < 32 or 127 <= ord(char) < 160) for char in clean(text))
