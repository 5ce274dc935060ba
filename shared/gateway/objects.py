"""Records to whom the objects in an answer belong, so that only their owner finds them again."""

import logging

from shared.documents import StoreUnavailable
from shared.gateway.call import Call, Json
from shared.runtime import Runtime
from shared.wire.openai.endpoints import Kind

# The files that a finished object names belong to the object's owner.
_DERIVED = ("output_file_id", "error_file_id")
_log = logging.getLogger("tollgate.objects")


async def register_answer(call: Call, runtime: Runtime, answer: Json, containers: set[str]) -> None:
    """Register what a JSON answer created or revealed. A response is registered without waiting for the store."""
    endpoint = call.endpoint
    if endpoint.method == "DELETE" and call.references and endpoint.path.endswith("{id}"):
        await _forget(call, runtime)
        return
    if endpoint.creates and isinstance(identity := answer.get("id"), str):
        if endpoint.creates is not Kind.RESPONSE:
            await register(call, runtime, identity, endpoint.creates)
        elif is_stored(call):
            runtime.background.spawn(register(call, runtime, identity, Kind.RESPONSE))
    kind = endpoint.creates or endpoint.owned
    if kind in (Kind.BATCH, Kind.FINE_TUNING_JOB, Kind.UPLOAD):
        for file_id in _derived_files(answer):
            await register(call, runtime, file_id, Kind.FILE)
    for container in containers:
        await register(call, runtime, container, Kind.CONTAINER)


async def register(call: Call, runtime: Runtime, identity: str, kind: Kind) -> None:
    """Register one object as the caller's. With the store down only this instance knows the owner, and it is logged."""
    if call.deployment is None:
        return
    try:
        await runtime.ownership.register(identity, kind, call.caller.team.id, call.deployment)
    except StoreUnavailable:
        _log.error("The owner of %s %s could not be stored", kind.value, identity)


def is_stored(call: Call) -> bool:
    """Whether a response can be asked for again: it is stored unless the caller said otherwise."""
    return (call.content.json or {}).get("store") is not False


async def _forget(call: Call, runtime: Runtime) -> None:
    try:
        await runtime.ownership.forget(call.references[0])
    except StoreUnavailable:
        _log.error("The owner of the deleted object %s could not be removed", call.references[0].id)


def _derived_files(answer: Json) -> list[str]:
    found = [value for name in _DERIVED if isinstance(value := answer.get(name), str) and value]
    results = answer.get("result_files")
    found.extend(item for item in (results if isinstance(results, list) else ()) if isinstance(item, str))
    file = answer.get("file")
    if isinstance(file, dict) and isinstance(identity := file.get("id"), str):
        found.append(identity)
    return found
