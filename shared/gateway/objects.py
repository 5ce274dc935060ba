"""Records to whom the objects in an answer belong, so that only their owner finds them again."""

import logging
from collections.abc import Iterator

from shared.documents import StoreUnavailable
from shared.gateway.call import Call, Json
from shared.gateway.spending.provisions import Work, keep_work
from shared.runtime import Runtime
from shared.wire.openai.endpoints import Kind

_FINISHED_WITH_FILES = (Kind.BATCH, Kind.FINE_TUNING_JOB, Kind.UPLOAD)
_log = logging.getLogger("tollgate.objects")

Owned = tuple[str, Kind]


async def register_answer(call: Call, runtime: Runtime, answer: Json, status: int) -> None:
    """Register what a JSON answer created or revealed, or forget what it deleted.

    Objects are registered before the caller learns of them. Only a response and its parts are not waited for: this instance
    knows their owner at once.
    """
    endpoint = call.endpoint
    if endpoint.method == "DELETE" and call.references and endpoint.path.endswith("{id}"):
        if status < 300 or status == 404:
            await _forget(call, runtime)
        return
    if status < 300:
        await _register_new(call, runtime, answer)


async def _register_new(call: Call, runtime: Runtime, answer: Json) -> None:
    endpoint = call.endpoint
    if endpoint.creates and isinstance(identity := answer.get("id"), str):
        if endpoint.creates is not Kind.RESPONSE:
            label = answer.get("purpose")
            if call.batch_work and endpoint.creates is Kind.FILE:
                await _keep_batch_work(call, runtime, identity)
            await register(call, runtime, (identity, endpoint.creates), label if isinstance(label, str) else None)
        elif is_stored(call):
            runtime.background.spawn(register(call, runtime, (identity, Kind.RESPONSE), call.model))
    if (endpoint.creates or endpoint.owned) in _FINISHED_WITH_FILES:
        for file_id in _files_of(answer):
            await register(call, runtime, (file_id, Kind.FILE))
    for owned in parts_of(answer) if is_stored(call) else ():
        runtime.background.spawn(register(call, runtime, owned))


async def _keep_batch_work(call: Call, runtime: Runtime, file_id: str) -> None:
    """Without it no batch can be made of the file: its caller then uploads it again."""
    try:
        await keep_work(runtime, file_id, Work(call.batch_work))
    except StoreUnavailable:
        _log.error("What the batch file %s will use could not be stored", file_id)


async def register(call: Call, runtime: Runtime, owned: Owned, label: str | None = None) -> None:
    """Register one object as the caller's. With the store down nobody will find it again, which is logged."""
    if call.deployment is None:
        return
    identity, kind = owned
    is_minted = kind in (Kind.RESPONSE, Kind.ITEM)
    new = runtime.ownership.new(identity, kind, call.caller.team, call.deployment, label)
    try:
        await runtime.ownership.register(new, is_minted=is_minted)
    except StoreUnavailable:
        _log.error("The owner of %s %s could not be stored", kind.value, identity)


def is_stored(call: Call) -> bool:
    """Whether a response can be asked for again: it is stored unless the caller said otherwise."""
    return (call.content.json or {}).get("store") is not False


def parts_of(answer: Json) -> Iterator[Owned]:
    """Yield the items of a response, and the containers that its tools made.

    Only from its output, which the upstream writes: elsewhere a response repeats what the caller sent.
    """
    output = answer.get("output")
    pending: list[object] = list(output) if isinstance(output, list) else []
    for item in pending:
        if isinstance(item, dict) and isinstance(identity := item.get("id"), str) and identity:
            yield identity, Kind.ITEM
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            if isinstance(container := node.get("container_id"), str) and container:
                yield container, Kind.CONTAINER
            pending.extend(value for key, value in node.items() if key in ("content", "annotations"))


async def _forget(call: Call, runtime: Runtime) -> None:
    try:
        await runtime.ownership.forget(call.references[0])
    except StoreUnavailable:
        _log.error("The owner of the deleted object %s could not be removed", call.references[0].id)


def _files_of(answer: Json) -> Iterator[str]:
    """Yield the files that a finished batch, fine-tuning job or upload names: they belong to its owner."""
    results = answer.get("result_files")
    file = answer.get("file")
    named = [
        answer.get("output_file_id"),
        answer.get("error_file_id"),
        file.get("id") if isinstance(file, dict) else None,
        *(results if isinstance(results, list) else ()),
    ]
    yield from (identity for identity in named if isinstance(identity, str) and identity)
