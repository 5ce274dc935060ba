"""Refusals say what is allowed; nobody has to read a regular expression."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from shared.directory.model import TYPES
from shared.management import requests, wording
from shared.management.operations import operations
from tests.shared.management.office import Office


def patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        for item in value.values():
            yield from patterns(item)
    elif isinstance(value, list):
        for item in value:
            yield from patterns(item)


def taken() -> set[type[BaseModel]]:
    table = operations(has_secrets=True)
    models = {row.request for row in table} | {row.query for row in table} | {*TYPES.values(), requests.Resources}
    return {model for model in models if model is not None}


def test_every_pattern_that_can_be_missed_has_words_of_its_own() -> None:
    schemas = [model.model_json_schema() for model in taken()]
    # An amount as text has a pattern in the schema alone.
    found = {pattern for schema in schemas for pattern in patterns(schema) if not pattern.startswith("^(?!")}

    assert len(found) >= 10
    for pattern in found:
        said = wording.sentence(
            "string_pattern_mismatch", f"String should match pattern '{pattern}'", {"pattern": pattern}
        )
        assert said.startswith(("takes ", "must be ")), pattern
        assert "^" not in said


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("areas", {"id": "a b"}, "id"),
        ("keys", {"owner": "team/a"}, "owner"),
        ("policies", {"scope": "area/a", "id": "pol_x"}, "scope"),
        ("policies", {"scope": "organization", "id": "x"}, "id"),
        ("budgets", {"scope": "organization", "id": "x", "amount": 1}, "id"),
        ("keys", {"owner": "teams/a", "id": "x"}, "id"),
        ("keys", {"owner": "teams/a", "models": ["a b"]}, "models[0]"),
    ],
)
async def test_a_refusal_names_the_field_and_what_it_takes(
    furnished: Office, path: str, body: object, field: str
) -> None:
    answer = await furnished.call("POST", path, body)

    assert (answer.status, answer.fields) == (422, [field])
    assert "match" not in answer.json["detail"]
