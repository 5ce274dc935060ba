"""Create, list, read, replace, change and delete: the same for every kind of resource."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from shared.directory.changes import Change, Put, Remove
from shared.directory.declared import UNNAMED
from shared.directory.documents import Stored
from shared.directory.key_lifecycle import minted
from shared.directory.model import TYPES, Budget, Key, Kind, Policy, Resource, address_of, kind_of, team_of
from shared.documents import DocumentExists, DocumentMissing, PreconditionFailed
from shared.ids import new_id
from shared.management.authority import chooses_ids, may_change, may_replace
from shared.management.call import Answer, Call, Handler
from shared.management.merge_patch import merge
from shared.management.problems import (
    Absent,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    Outdated,
    Unconditional,
    field_errors,
    invalid,
)
from shared.management.references import check_nothing_stands_on, check_reference
from shared.management.restrictions import check_restrictions, inherited
from shared.management.view import Found, find, plain, shown, target_of, team_around, visible

ADDRESSES: Mapping[Kind, str] = {
    Kind.ORGANIZATION: "organization",
    Kind.AREA: "areas/{area}",
    Kind.TEAM: "teams/{team}",
    Kind.APPLICATION: "teams/{team}/applications/{application}",
    Kind.USER: "teams/{team}/users/{user}",
    Kind.KEY: "keys/{key}",
    Kind.POLICY: "policies/{policy}",
    Kind.BUDGET: "budgets/{budget}",
}
PREFIXES: Mapping[Kind, str] = {Kind.KEY: "vk", Kind.POLICY: "pol", Kind.BUDGET: "bud"}
"""The kinds whose ids the gateway gives, where the caller does not."""

Plan = Callable[[], Awaitable[Sequence[Change]]]

_SHOWN_ONLY = ("managed_by", "created_at", "updated_at", "hint", "last_used_at", "made_by")


def create(kind: Kind) -> Handler:
    async def handler(call: Call) -> Answer:
        fixed = {"team": call.path["team"]} if "team" in call.path else {}
        given = inherited(call) | call.body if kind is Kind.KEY else call.body
        resource = build(kind, _with_id(call, kind, given), fixed)
        secret, put = (
            minted(resource, call.parts.pepper) if isinstance(resource, Key) else (None, Put(resource, is_new=True))
        )

        async def plan() -> Sequence[Change]:
            await _check_allowed(call, None, resource)
            if call.parts.file.get(address_of(resource)) is not None:
                raise Conflict(f"{address_of(resource)} is defined in the configuration file.")
            return [await signed(call, put)]

        found = await commit(call, f"{kind}.create", plan)
        answer = one(found)
        location = ("location", f"/api/v1/{found.address}")
        body = answer.body if secret is None else {**(answer.body or {}), "secret": secret}
        return Answer(body, [location, *answer.headers])

    return handler


def read(kind: Kind) -> Handler:
    async def handler(call: Call) -> Answer:
        found = await current(call, kind)
        return Answer(await shown(call.parts, found), [("etag", found.etag)])

    return handler


def replace(kind: Kind) -> Handler:
    async def handler(call: Call) -> Answer:
        body = {name: value for name, value in call.body.items() if name not in _SHOWN_ONLY}
        resource = build(kind, body, _fixed(call, kind))
        return await update(call, kind, f"{kind}.update", lambda _: resource)

    return handler


def patch(kind: Kind) -> Handler:
    async def handler(call: Call) -> Answer:
        fixed = _fixed(call, kind)
        return await update(
            call, kind, f"{kind}.update", lambda found: build(kind, merge(plain(found.resource), call.body), fixed)
        )

    return handler


def remove(kind: Kind) -> Handler:
    async def handler(call: Call) -> Answer:
        async def plan() -> Sequence[Change]:
            found = await changeable(call, kind)
            check_not_own_key(call, found.resource, None)
            await check_nothing_stands_on(call.parts, found.resource)
            return [Remove(found.address, if_match=_etag(found))]

        await run(call, f"{kind}.delete", plan)
        return Answer(None)

    return handler


async def update(
    call: Call, kind: Kind, action: str, change: Callable[[Found], Resource], *, needs_match: bool = True
) -> Answer:
    """Store what `change` makes of the resource, unless somebody else was faster."""
    if needs_match and call.if_match is None:
        raise Unconditional

    async def plan() -> Sequence[Change]:
        found = await changeable(call, kind)
        resource = change(found)
        check_not_own_key(call, found.resource, resource)
        check_same_team(found.resource, resource)
        await _check_allowed(call, found.resource, resource)
        return [await signed(call, Put(resource, if_match=_etag(found), is_new=found.stored is None))]

    return one(await commit(call, action, plan))


async def current(call: Call, kind: Kind) -> Found:
    """Return the resource that the address names, as far as the caller may see it. Raises Absent."""
    found = None
    if kind is Kind.ORGANIZATION and await find(call.parts, "organization") is None:
        found = Found(UNNAMED, None)
    return found or await visible(call.parts, call.authority, ADDRESSES[kind].format_map(call.path))


async def changeable(call: Call, kind: Kind) -> Found:
    """Return the resource that the address names. Raises Absent, Forbidden, Conflict for what the file defines, and Outdated."""
    found = await current(call, kind)
    if not may_change(call.authority, found.target):
        raise Forbidden(f"Your role does not allow you to change {found.address}.")
    if found.is_declared:
        raise Conflict(f"{found.address} is defined in the configuration file; change it there.")
    if not may_replace(call.authority, found.target):
        raise Forbidden(
            f"{found.address} was set by the platform team; you may add a stricter one of your own beside it."
        )
    if call.if_match is not None and "*" not in call.if_match and found.etag not in call.if_match:
        raise Outdated(f"{found.address} has changed since you read it.", headers={"etag": found.etag})
    return found


async def commit(call: Call, action: str, plan: Plan) -> Found:
    """Commit a plan that stores one resource, and return that."""
    (stored,) = await run(call, action, plan)
    assert stored is not None
    return Found(stored.resource, await team_around(call.parts, stored.resource), stored)


async def run(call: Call, action: str, plan: Plan) -> tuple[Stored | None, ...]:
    """Commit a plan. Raises Conflict, Absent and Outdated for what somebody else has done meanwhile."""
    try:
        return await call.parts.store.commit(call.actor, action, plan, request_id=call.request_id)
    except DocumentExists:
        raise Conflict("There is already a resource with this id.") from None
    except DocumentMissing:
        raise Absent("The resource was deleted meanwhile.") from None
    except PreconditionFailed:
        raise Outdated("The resource has changed since you read it.") from None


def one(found: Found) -> Answer:
    return Answer(found.shown(), [("etag", found.etag)])


def build(kind: Kind, body: Mapping[str, Any], fixed: Mapping[str, str], within: str = "") -> Resource:
    """Return the resource that a body describes; `fixed` are the fields that the address gives. Raises Invalid."""
    for name, value in fixed.items():
        if body.get(name, value) != value:
            raise invalid(name, f"must be {value}, as in the address")
    try:
        return TYPES[kind].model_validate({**body, **fixed})
    except ValidationError as error:
        raise Invalid(field_errors(error, within)) from None


async def signed(call: Call, put: Put) -> Put:
    """Note who sets a policy or budget, and the team of what hangs on a key: the key may be the file's."""
    if not isinstance(put.resource, Policy | Budget):
        return put
    team = await team_around(call.parts, put.resource) if put.resource.scope.startswith("keys/") else None
    return Put(put.resource, put.if_match, put.is_new, team=team, made_by=call.caller.role)


def check_not_own_key(call: Call, before: Resource, after: Resource | None) -> None:
    """Raises Conflict: nobody takes the key away that is being used for that."""
    if not isinstance(before, Key) or before.scope != call.scope:
        return
    is_kept = isinstance(after, Key) and not after.disabled and after.role == before.role
    if not is_kept or (isinstance(after, Key) and after.expires_at != before.expires_at):
        raise Conflict(f"{before.scope} is the key that you are calling with; use another one for this.")


def check_same_team(before: Resource, after: Resource, within: str = "") -> None:
    """Raises Invalid: what hangs on a key, and what is written about it, belongs to its team."""
    if isinstance(before, Key) and isinstance(after, Key) and team_of(before.owner) != team_of(after.owner):
        raise invalid(f"{within}owner", "a key stays in its team; make a new one for the other team")


async def _check_allowed(call: Call, before: Resource | None, resource: Resource) -> None:
    await check_reference(call.parts, call.authority, resource)
    check_restrictions(call, before, resource)
    if may_change(call.authority, target_of(resource, await team_around(call.parts, resource))):
        return
    if isinstance(resource, Key):
        raise Forbidden("You may not give this role.", [FieldError("role", "is more than you may give")])
    raise Forbidden(f"Your role does not allow you to have a {kind_of(resource)} at {resource.scope}.")


def _with_id(call: Call, kind: Kind, body: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind not in PREFIXES:
        return body
    if "id" not in body:
        return {**body, "id": new_id(PREFIXES[kind], call.parts.clock.now())}
    if not chooses_ids(call.authority):
        raise invalid("id", "is given by the gateway; leave it out")
    return body


def _fixed(call: Call, kind: Kind) -> dict[str, str]:
    """The fields that the address gives: the id, and the team above applications and users."""
    if kind is Kind.ORGANIZATION:
        return {}
    own = call.path[kind.value]
    return {"team": call.path["team"], "id": own} if kind in (Kind.APPLICATION, Kind.USER) else {"id": own}


def _etag(found: Found) -> str | None:
    return found.stored.etag if found.stored else None
