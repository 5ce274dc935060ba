"""What keys have beside the operations of every resource: a new secret, and a switch."""

from collections.abc import Sequence

from shared.directory.changes import Change
from shared.directory.key_lifecycle import rotated
from shared.directory.model import Key, Kind, Resource
from shared.management.call import Answer, Call, Handler
from shared.management.resources import changeable, commit, one, update
from shared.management.restrictions import check_restrictions
from shared.management.view import Found


async def rotate(call: Call) -> Answer:
    """Answer with a new secret; the one before it goes on working for the grace period."""
    made: list[str] = []

    async def plan() -> Sequence[Change]:
        key = await changeable(call, Kind.KEY)
        assert key.stored is not None
        # Whoever gets a secret gets all that the key may do.
        check_restrictions(call, None, key.resource.model_copy(update={"cost_center": None}))
        secret, put = rotated(key.stored, call.parts.pepper, call.parts.clock.now(), call.body.grace_s)
        made[:] = [secret]
        return [put]

    answer = one(await commit(call, "key.rotate", plan))
    return Answer({**(answer.body or {}), "secret": made[0]}, answer.headers)


def switch(*, disabled: bool) -> Handler:
    action = "key.disable" if disabled else "key.enable"

    def switched(found: Found) -> Resource:
        assert isinstance(found.resource, Key)
        return found.resource.model_copy(update={"disabled": disabled})

    async def handler(call: Call) -> Answer:
        return await update(call, Kind.KEY, action, switched, needs_match=False)

    return handler
