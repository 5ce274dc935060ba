"""The secrets that resources refer to as `db://name`: they can be set, listed by name and deleted, but never read."""

from pydantic import TypeAdapter, ValidationError

from shared.fields import Name
from shared.management.call import Answer, Call
from shared.management.problems import Absent, field_errors, invalid
from shared.providers.port import SecretVault

_NAME: TypeAdapter[str] = TypeAdapter(Name)


async def put(call: Call) -> Answer:
    name = _name(call)
    await _note(call, "secret.put")
    await _store(call).put(name, call.body.value)
    return Answer(None)


async def names(call: Call) -> Answer:
    return Answer({"data": sorted(await _store(call).names())})


async def delete(call: Call) -> Answer:
    name = _name(call)
    if name not in await _store(call).names():
        raise Absent(f"There is no secrets/{name}.")
    await _note(call, "secret.delete")
    await _store(call).delete(name)
    return Answer(None)


def _name(call: Call) -> str:
    """Return the name in the address: one that `db://…` can say. Raises Invalid."""
    try:
        return _NAME.validate_python(call.path["name"])
    except ValidationError as error:
        raise invalid("name", field_errors(error)[0].message) from None


async def _note(call: Call, action: str) -> None:
    """What is not in the log is not done; what is there may have failed afterwards."""
    await call.parts.store.note(call.actor, action, f"secrets/{call.path['name']}", call.request_id)


def _store(call: Call) -> SecretVault:
    # Without a store the table that requests are looked up in has none of these operations.
    assert call.parts.secrets is not None
    return call.parts.secrets
