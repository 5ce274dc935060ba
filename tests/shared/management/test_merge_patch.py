from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.management.merge_patch import merge

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def without_nulls(value: Any) -> Any:
    """What of a document a merge patch can say: no member is null."""
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(item) for name, item in value.items() if item is not None}


DOCUMENTS = VALUES.map(without_nulls)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(target: Any, patch: Any, expected: Any) -> None:
    assert merge(target, patch) == expected


@given(DOCUMENTS, VALUES)
def test_a_patch_that_was_applied_changes_nothing_more_and_never_its_arguments(target: Any, patch: Any) -> None:
    before = deepcopy((target, patch))

    once = merge(target, patch)

    assert merge(once, patch) == once
    assert (target, patch) == before


@given(DOCUMENTS)
def test_a_document_is_its_own_patch(document: Any) -> None:
    assert merge(document, document) == document
    assert merge(None, document) == document


@given(st.dictionaries(st.sampled_from("abc"), DOCUMENTS.filter(lambda value: value is not None)))
def test_nulls_remove_everything(document: dict[str, Any]) -> None:
    assert merge(document, dict.fromkeys(document)) == {}
