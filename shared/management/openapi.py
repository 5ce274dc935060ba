"""Makes the OpenAPI document of the table of operations."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.management.answers import ProblemAnswer
from shared.management.call import Operation

Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_HEADERS = {
    "ETag": {"description": "The version, for if-match.", "schema": {"type": "string"}},
    "Location": {"description": "The new resource.", "schema": {"type": "string"}},
}


def document_of(operations: Sequence[Operation]) -> Json:
    """Return the OpenAPI 3.1 document."""
    schemas, definitions = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(f"/{operation.path}", {})[operation.method.lower()] = _operation(
            operation, schemas, definitions
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tollgate management API", "version": "1"},
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": {"Problem": _problem(schemas)},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-gateway-key"},
            },
        },
    }


_Schemas = Mapping[tuple[type[BaseModel], JsonSchemaMode], Json]


def _schemas(operations: Sequence[Operation]) -> tuple[_Schemas, Json]:
    requests = {operation.request for operation in operations if operation.request}
    queries = {operation.query for operation in operations if operation.query}
    responses = {operation.response for operation in operations if operation.response} | {ProblemAnswer}
    taken: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in requests | queries]
    given: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "serialization") for model in responses]
    ordered = sorted([*taken, *given], key=lambda item: (item[0].__name__, item[1]))
    schemas, rest = models_json_schema(ordered, ref_template=_REF)
    definitions = {name: _inlined(schema, rest["$defs"]) for name, schema in rest["$defs"].items()}
    named = {name: schema for name, schema in definitions.items() if not _is_alias(name)}
    return {key: schemas[key] for key in ordered}, named


def _is_alias(name: str) -> bool:
    """Whether a schema is there only because a type has a name of its own, such as `Some[Alias]`."""
    return any(alias in name for alias in ("Some_", "Few_"))


def _inlined(schema: Any, definitions: Json) -> Any:
    """Return the schema with what has no name of its own written out in place."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    target = schema.get("$ref", "").removeprefix(_REF.format(model=""))
    if isinstance(target, str) and _is_alias(target):
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return _inlined(definitions[target] | beside, definitions)
    return {name: _inlined(value, definitions) for name, value in schema.items()}


def _operation(operation: Operation, schemas: _Schemas, definitions: Json) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            str(operation.status): _response(operation, schemas),
            "default": {"$ref": "#/components/responses/Problem"},
        },
        "x-roles": sorted(operation.roles),
    }
    if operation.handler is None:
        described["security"] = []
    if parameters := _parameters(operation, schemas, definitions):
        described["parameters"] = parameters
    if operation.request or operation.takes:
        described["requestBody"] = _request(operation, schemas, definitions)
    return described


def _parameters(operation: Operation, schemas: _Schemas, definitions: Json) -> list[Json]:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.query:
        fields = _definition(schemas[operation.query, "validation"], definitions)["properties"]
        parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]
    if operation.if_match:
        is_required = operation.if_match == "required"
        parameters.append({"name": "if-match", "in": "header", "required": is_required, "schema": {"type": "string"}})
    return parameters


def _request(operation: Operation, schemas: _Schemas, definitions: Json) -> Json:
    if operation.takes:
        return {"required": True, "content": {operation.takes: {"schema": {"type": "string"}}}}
    assert operation.request is not None
    schema = schemas[operation.request, "validation"]
    if operation.is_patch:
        fields = _definition(schema, definitions)["properties"]
        patch = {"type": "object", "properties": dict.fromkeys(fields, True), "additionalProperties": False}
        return {"required": True, "content": {"application/merge-patch+json": {"schema": patch}}}
    if operation.filled:
        whole = _definition(schema, definitions)
        required = [name for name in whole.get("required", ()) if name not in operation.filled]
        schema = {**whole, "required": required}
    return {"required": not operation.may_be_empty, "content": {"application/json": {"schema": schema}}}


def _response(operation: Operation, schemas: _Schemas) -> Json:
    described: Json = {"description": operation.summary}
    headers = [
        name for name, is_sent in (("ETag", operation.is_tagged), ("Location", operation.status == 201)) if is_sent
    ]
    if headers:
        described["headers"] = {name: _HEADERS[name] for name in headers}
    if operation.response or operation.handler is None:
        schema = schemas[operation.response, "serialization"] if operation.response else {"type": "object"}
        described["content"] = {"application/json": {"schema": _list_of(schema) if operation.is_list else schema}}
    if operation.gives:
        described.setdefault("content", {})[operation.gives] = {"schema": {"type": "string"}}
    return described


def _list_of(schema: Json) -> Json:
    cursor = {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "Continues the list; null at its end."}
    return {
        "type": "object",
        "properties": {"data": {"type": "array", "items": schema}, "next": cursor},
        "required": ["data", "next"],
    }


def _problem(schemas: _Schemas) -> Json:
    schema = schemas[ProblemAnswer, "serialization"]
    return {"description": "What is wrong.", "content": {"application/problem+json": {"schema": schema}}}


def _definition(schema: Json, definitions: Json) -> Json:
    found: Json = definitions[schema["$ref"].rpartition("/")[2]]
    return found
