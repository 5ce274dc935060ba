"""Finds the objects that a request refers to, and checks that they are the caller's own."""

import re
from collections.abc import Iterator

from shared.errors import BadRequest
from shared.gateway.call import Call, Json
from shared.ownership.service import OwnershipService
from shared.wire.json_edit import DuplicateKey, refuse_duplicates

_KEYS = frozenset(
    {"previous_response_id", "file_id", "file_ids", "input_file_id", "training_file", "validation_file", "vector_store_id",
     "vector_store_ids", "container", "container_id", "conversation"}
)  # fmt: skip
# What a caller describes here is his own data: it names nothing that lives upstream.
_OPAQUE = frozenset({"parameters", "schema", "json_schema", "metadata", "arguments"})
# An escaped letter could hide a key from this expression, so any escape of a plain character counts as a hit.
_MENTIONED = re.compile(
    rb'"(?:previous_response_id|file_ids?|input_file_id|(?:training|validation)_file|vector_store_ids?|container(?:_id)?|conversation)"'
    rb"|\\u00[2-7]|stored_completions"
)


async def check_references(call: Call, ownership: OwnershipService) -> None:
    """Set `call.references` to the objects named in path and body. Raises ObjectNotFound for anything not the team's own."""
    found = []
    if owner_id := call.matched.owner_id:
        found.append(await ownership.locate(owner_id, call.caller.team.id, "id"))
    for object_id, param in dict.fromkeys(_references(call)):
        found.append(await ownership.locate(object_id, call.caller.team.id, param))
    call.references = tuple(found)


def _references(call: Call) -> list[tuple[str, str]]:
    raw, parsed = call.content.raw, call.content.json
    if call.content.form:
        value = call.content.form.value("file_id")
        return [(value, "file_id")] if value else []
    if not raw or parsed is None or not _MENTIONED.search(raw):
        return []
    try:
        refuse_duplicates(raw)
    except DuplicateKey as error:
        raise BadRequest(str(error), param=error.key, code="duplicate_key") from None
    except RecursionError:
        raise BadRequest("The request body is nested too deeply.", code="invalid_json") from None
    return list(_walk(parsed))


def _walk(root: Json) -> Iterator[tuple[str, str]]:
    """Yield (id, key) for every reference. Iterative: the depth is the caller's choice."""
    pending: list[object] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(item for item in node if isinstance(item, dict | list))
        elif isinstance(node, dict):
            yield from _own(node)
            pending.extend(
                value for key, value in node.items() if isinstance(value, dict | list) and key not in _OPAQUE
            )


def _own(node: Json) -> Iterator[tuple[str, str]]:
    kind = node.get("type")
    if kind == "file_id" and isinstance(identity := node.get("id"), str):
        yield identity, "id"
    if kind == "stored_completions":
        raise BadRequest(
            "The source stored_completions reads what other teams have stored and is not offered by this gateway.",
            param="source",
            code="unsupported_value",
        )
    for key in _KEYS & node.keys():
        yield from _ids(key, node[key])


def _ids(key: str, value: object) -> Iterator[tuple[str, str]]:
    if key.startswith("container"):
        if isinstance(value, str) and value.startswith("cntr_"):
            yield value, key
    elif isinstance(value, str):
        yield value, key
    elif isinstance(value, list):
        yield from ((item, key) for item in value if isinstance(item, str))
    elif key == "conversation" and isinstance(value, dict) and isinstance(identity := value.get("id"), str):
        yield identity, key
