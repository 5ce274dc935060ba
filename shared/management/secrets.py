"""The secrets that resources refer to as `db://name`: they can be set, listed by name and deleted, but never read."""

from shared.management.call import Answer, Call
from shared.management.problems import Absent
from shared.providers.port import SecretVault


async def put(call: Call) -> Answer:
    await _store(call).put(call.path["name"], call.body.value)
    return Answer(None)


async def names(call: Call) -> Answer:
    return Answer({"data": sorted(await _store(call).names())})


async def delete(call: Call) -> Answer:
    name = call.path["name"]
    if not await _store(call).delete(name):
        raise Absent(f"There is no secrets/{name}.")
    return Answer(None)


def _store(call: Call) -> SecretVault:
    # Without a store the table that requests are looked up in has none of these operations.
    assert call.parts.secrets is not None
    return call.parts.secrets
