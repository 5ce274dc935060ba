import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.directory.model import Role
from shared.management.operations import operations
from shared.management.reference import table_of
from tests.shared.management.office import ADMIN_A, ROOT, Office
from tests.shared.management.test_operations import THEIRS, body_for, perform

TABLE = operations(has_secrets=True)
RULES = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components", "security"],
    "properties": {
        "openapi": {"pattern": r"^3\.1\.\d$"},
        "info": {"required": ["title", "version"]},
        "paths": {
            "propertyNames": {"pattern": r"^/[a-z]"},
            "additionalProperties": {
                "propertyNames": {"enum": ["get", "put", "post", "delete", "patch"]},
                "additionalProperties": {"$ref": "#/$defs/operation"},
            },
        },
        "components": {
            "required": ["schemas", "responses", "securitySchemes"],
            "properties": {"schemas": {"propertyNames": {"pattern": r"^[A-Za-z0-9.-]+$"}}},
        },
    },
    "$defs": {
        "operation": {
            "required": ["operationId", "summary", "responses", "x-roles"],
            "properties": {
                "operationId": {"pattern": "^[a-z][A-Za-z]+$"},
                "summary": {"pattern": r"^[A-Z].*\.$"},
                "parameters": {
                    "items": {
                        "required": ["name", "in", "schema"],
                        "properties": {"in": {"enum": ["path", "query", "header"]}, "schema": {"type": "object"}},
                        "if": {"properties": {"in": {"const": "path"}}},
                        "then": {"required": ["required"], "properties": {"required": {"const": True}}},
                    },
                    "uniqueItems": True,
                },
                "responses": {
                    "required": ["default"],
                    "propertyNames": {"pattern": "^(2[0-9][0-9]|default)$"},
                    "minProperties": 2,
                },
                "requestBody": {"required": ["content"]},
                "x-roles": {"type": "array", "minItems": 1},
            },
        }
    },
}


@pytest.fixture
async def document(office: Office) -> dict[str, Any]:
    answer = await office.call("GET", "openapi.json", by=None)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolved(document: Any, schema: Any) -> dict[str, Any]:
    """A schema that stands alone, with the document's components below it."""
    return {**schema, "components": document["components"]}


async def test_the_document_keeps_the_rules_of_its_kind(document: dict[str, Any]) -> None:
    assert [error.message for error in Draft202012Validator(RULES).iter_errors(document)] == []
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


async def test_every_reference_in_it_leads_somewhere_and_nothing_is_left_over(document: dict[str, Any]) -> None:
    found = set(references(document))
    for reference in found:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
    queries = {row.query.__name__ for row in TABLE if row.query}
    inlined = {"Organization", "Area", "Team", "Application", "User", "Key", "Policy", "Budget-Input"}
    named = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert {name.rpartition("/")[2] for name in named - found} <= queries | inlined


async def test_document_and_table_name_the_same_operations(document: dict[str, Any]) -> None:
    listed = {
        (method.upper(), path.removeprefix("/")): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    assert set(listed) == {(row.method, row.path) for row in TABLE}
    for row in TABLE:
        operation = listed[row.method, row.path]
        assert operation["operationId"] == row.name
        assert operation["x-roles"] == sorted(row.roles)
        assert str(row.status) in operation["responses"]
        assert ("requestBody" in operation) == (row.request is not None or row.takes is not None)
        named = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", row.path))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_handlers_take_and_answer_what_the_document_says(furnished: Office, row: Any) -> None:
    document = (await furnished.call("GET", "openapi.json", by=None)).json
    operation = document["paths"][f"/{row.path}"][row.method.lower()]
    if "requestBody" in operation and not row.takes:
        (content,) = operation["requestBody"]["content"].values()
        schema = resolved(document, content["schema"])
        assert list(Draft202012Validator(schema).iter_errors(body_for(row, THEIRS))) == []
        assert not Draft202012Validator(schema).is_valid({"colour": "red"})

    if row.name == "setOwnLeaderboard":
        assert (await perform(furnished, row, THEIRS, ROOT)).status == 409
        return
    if row.name in ("deleteArea", "deleteTeam", "deleteApplication", "deleteKey", "deleteUser"):
        assert (await perform(furnished, row, THEIRS, ROOT)).status == 409
        return
    await furnished.vault.put("secret-a", "x")
    answer = await perform(furnished, row, THEIRS, ROOT if Role.PLATFORM_ADMIN in row.roles else ADMIN_A)

    assert answer.status == row.status, answer.raw
    described = operation["responses"][str(row.status)]
    assert {name.lower() for name in described.get("headers", ())} <= set(answer.headers)
    if row.gives in described.get("content", {}) and row.response is None:
        assert (answer.headers["content-type"], answer.raw) == (row.gives, b"team,cost\n")
    elif "content" in described:
        schema = resolved(document, described["content"]["application/json"]["schema"])
        assert [error.message for error in Draft202012Validator(schema).iter_errors(answer.json)] == []
    else:
        assert answer.raw == b""


async def test_problems_are_what_the_document_says(furnished: Office) -> None:
    document = (await furnished.call("GET", "openapi.json", by=None)).json
    problem = document["components"]["responses"]["Problem"]["content"]["application/problem+json"]["schema"]
    for path in ("nothing", "teams/nobody", "teams?limit=0"):
        answer = await furnished.call("GET", path)
        assert list(Draft202012Validator(resolved(document, problem)).iter_errors(answer.json)) == []


def test_the_reference_lists_every_operation_with_who_may() -> None:
    lines = table_of(TABLE).splitlines()[2:]

    assert len(lines) == len(TABLE)
    assert "| `GET /api/v1/openapi.json` | This document. | anybody, without a key | 200 |" in lines
    assert "| `GET /api/v1/me` | Read who you are to the gateway. | every role | 200 |" in lines
    assert any(line.startswith("| `POST /api/v1/areas` ") and Role.PLATFORM_ADMIN in line for line in lines)
