"""Finds the objects that a request refers to, and checks that they are the caller's own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.errors import BadRequest
from shared.gateway.body import SMALL, beside_others
from shared.gateway.call import Call, Json
from shared.gateway.naming import models_of_tools
from shared.gateway.spending.batch_lines import BatchLine
from shared.ownership.service import OwnershipService
from shared.tokens.service import TokenCounter
from shared.wire.json_edit import DuplicateKey, refuse_duplicates

_KEYS = frozenset(
    {"previous_response_id", "file_id", "file_ids", "input_file_id", "training_file", "validation_file", "vector_store_id",
     "vector_store_ids", "container", "container_id", "conversation"}
)  # fmt: skip
# What a caller describes here is his own data: it names nothing that lives upstream.
_OPAQUE = frozenset({"parameters", "schema", "json_schema", "metadata", "arguments", "audio"})
# One quotation mark in front of all alternatives: without it the search is ten times slower.
_MENTIONED = re.compile(
    rb'"(?=[pfitvc])(?:previous_response_id"|file_ids?"|input_file_id"|(?:training|validation)_file"|vector_store_ids?"'
    rb'|container(?:_id)?"|conversation"|item_reference"'
    # An object of an id alone. Bounded, so that no amount of blanks can stretch it beyond a slice.
    rb'|id"(?:\s|:\s{32}|:\s{0,31}"[^"]{512}|:\s{0,31}"[^"]{0,511}"(?:\s{32}|\s{0,31}\})))'
)
# An escaped letter could hide a key from that expression.
_ESCAPED = re.compile(rb"\\u00[2-7]")
_OTHERS_DATA = frozenset({"stored_completions", "logs"})
BATCH_LINES = 100_000
SLICE, OVERLAP = 256 * 1024, 1024


@dataclass(slots=True)
class Mentioned:
    """What a request names: objects by id with the field that names them, and models of a batch file's lines."""

    objects: dict[tuple[str, str], None] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    tool_models: set[str] = field(default_factory=set)


async def find_mentioned(call: Call, counter: TokenCounter) -> Mentioned:
    """Return what the body names. Raises BadRequest where it cannot be told for certain."""
    # The lines of a batch may have to be counted, which takes milliseconds each.
    size = SMALL + 1 if _is_batch(call) else call.request_bytes
    return await beside_others(size, _mentioned, call, counter)


async def check_references(call: Call, mentioned: Mentioned, ownership: OwnershipService) -> None:
    """Set `call.references` to the objects named in path and body. Raises ObjectNotFound for anything not the team's own."""
    team, found = call.caller.team, []
    if owner_id := call.matched.owner_id:
        found.append(await ownership.locate(owner_id, team, "id"))
    for object_id, param in mentioned.objects:
        found.append(await ownership.locate(object_id, team, param))
    call.references = tuple(found)


def _mentioned(call: Call, counter: TokenCounter) -> Mentioned:
    content, found = call.content, Mentioned()
    if content.form is not None:
        if value := content.form.value("file_id"):
            found.objects[value, "file_id"] = None
        if _is_batch(call):
            _read_batch(call, found, counter)
    elif content.json is not None:
        if call.endpoint.name == "uploads.create" and content.json.get("purpose") == "batch":
            raise BadRequest(
                "Upload batch files with POST /v1/files: in parts their lines cannot be checked.",
                param="purpose",
                code="unsupported_value",
            )
        is_eval = call.endpoint.name.startswith("evals.")
        if is_eval or _mentions_objects(content.raw or b""):
            _read_object(content.raw or b"", content.json, found, is_eval=is_eval)
    return found


def _is_batch(call: Call) -> bool:
    form = call.content.form
    return form is not None and call.endpoint.name == "files.create" and form.value("purpose") == "batch"


def _mentions_objects(raw: bytes) -> bool:
    """Search in slices: one search holds up every other thread until it ends."""
    for start in range(0, len(raw), SLICE):
        end = start + SLICE + OVERLAP
        if _MENTIONED.search(raw, start, end) or _ESCAPED.search(raw, start, end):
            return True
    return False


def _read_object(raw: bytes, parsed: Json, found: Mentioned, *, is_eval: bool = False) -> None:
    try:
        refuse_duplicates(raw)
    except DuplicateKey as error:
        raise BadRequest(str(error), param=error.key, code="duplicate_key") from None
    for node in _objects(parsed):
        if is_eval:
            _refuse_others_data(node)
        for identity, param in _own(node):
            found.objects[identity, param] = None


def _read_batch(call: Call, found: Mentioned, counter: TokenCounter) -> None:
    """Every line of a batch is a request of its own: its model and its objects count like any other's."""
    assert call.content.form is not None
    for start, end in call.content.form.files:
        lines = (call.content.raw or b"")[start:end].splitlines()
        if len(lines) > BATCH_LINES:
            raise BadRequest(f"A batch file has at most {BATCH_LINES:,} lines.", param="file", code="invalid_batch")
        for number, line in enumerate(lines, 1):
            if line.strip():
                read = BatchLine(line, number)
                read.keep_to_rules(call, counter)
                read.add_to(call.batch_work)
                found.models.add(read.model)
                found.tool_models |= models_of_tools(read.body)
                _read_object(line, read.body, found)


def _objects(root: Json) -> Iterator[Json]:
    """Yield every object in the body that can hold a reference. Iterative: the depth is the caller's choice."""
    pending: list[object] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(item for item in node if isinstance(item, dict | list))
        elif isinstance(node, dict):
            yield node
            pending.extend(
                value for key, value in node.items() if isinstance(value, dict | list) and key not in _OPAQUE
            )


def _refuse_others_data(node: Json) -> None:
    """Some sources of an eval read what all teams have stored in the account."""
    source = node.get("source")
    kind = node.get("type")
    if (isinstance(kind, str) and kind in _OTHERS_DATA) or (
        isinstance(source, dict) and source.get("type") == "responses"
    ):
        raise BadRequest(
            "Sources that read stored completions, logs or stored responses would show other teams' data and are not offered.",
            param="source",
            code="unsupported_value",
        )


def _own(node: Json) -> Iterator[tuple[str, str]]:
    """Yield (id, field) for every reference that this object holds itself."""
    kind, identity = node.get("type"), node.get("id")
    if isinstance(identity, str) and (kind in ("file_id", "item_reference") or node.keys() == {"id"}):
        yield identity, "id"
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
