"""Makes the directory what a document says, and says what that changes; and writes that document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.directory.changes import Change, Put, Remove
from shared.directory.documents import Stored
from shared.directory.key_lifecycle import minted
from shared.directory.model import Key, Kind, address_of
from shared.directory.store import MOST_DOCUMENTS
from shared.documents import StoreUnavailable
from shared.management.answers import Applied, ResourceChange
from shared.management.call import Answer, Call
from shared.management.desired import FIELDS, Desired, desired_of
from shared.management.differences import Difference, differences, first_batch
from shared.management.problems import Conflict, Problem
from shared.management.requests import ApplyRequest
from shared.management.resources import check_not_own_key, run, with_team
from shared.management.view import all_stored, plain

MOST_BATCHES = 1000


@dataclass(slots=True)
class _Progress:
    """What was made so far; `minted` keeps a new key's secret the same when a plan has to be made again."""

    minted: dict[str, tuple[str, Put]] = field(default_factory=dict)
    made: list[Difference] = field(default_factory=list)
    batches: int = 0


async def apply(call: Call) -> Answer:
    request: ApplyRequest = call.body
    desired = desired_of(request.resources, call.parts.file)
    if request.dry_run:
        _, changes = await _changes(call, desired, request)
        return _answer(_Progress(made=list(changes)), is_applied=False)
    progress = _Progress()
    try:
        while await _next_batch(call, desired, request, progress):
            if progress.batches == MOST_BATCHES:
                raise Conflict("Others keep changing the same resources.")
    except (StoreUnavailable, Problem) as error:
        # The secrets of keys that are there by now must not be lost with the rest.
        if not progress.made:
            raise
        return _answer(progress, is_applied=False, stopped_by=str(error))
    return _answer(progress, is_applied=True)


async def _next_batch(call: Call, desired: Desired, request: ApplyRequest, progress: _Progress) -> bool:
    """Commit the first changes that are still to be made, and say whether there were more."""
    batch: tuple[Difference, ...] = ()
    is_last = True

    async def plan() -> Sequence[Change]:
        nonlocal batch, is_last
        stored, changes = await _changes(call, desired, request)
        costs = {change.address: _cost(change, stored) for change in changes}
        batch = first_batch(changes, costs, MOST_DOCUMENTS)
        is_last = len(batch) == len(changes)
        return [await _change(call, item, stored, progress) for item in batch]

    await run(call, "apply", plan)
    progress.made += batch
    progress.batches += bool(batch)
    return not is_last


async def _changes(
    call: Call, desired: Desired, request: ApplyRequest
) -> tuple[Mapping[str, Stored], tuple[Difference, ...]]:
    stored = await _stored(call)
    current = {address: item.resource for address, item in stored.items()}
    changes = differences(current, desired.resources, prune=request.prune)
    desired.check(call, current, request.prune)
    for change in changes:
        if change.before is not None:
            check_not_own_key(call, change.before, change.after)
    return stored, changes


async def _stored(call: Call) -> dict[str, Stored]:
    return {address_of(item.resource): item for kind in Kind async for item in all_stored(call.parts, kind)}


def _cost(change: Difference, stored: Mapping[str, Stored]) -> int:
    """The documents that a change writes: the resource, the audit entry, and the digests of keys that come and go."""
    if isinstance(change.after, Key) and change.before is None:
        return 3
    return 2 + (len(stored[change.address].digests) if change.after is None else 0)


async def _change(call: Call, item: Difference, stored: Mapping[str, Stored], progress: _Progress) -> Change:
    etag = stored[item.address].etag if item.address in stored else None
    if item.after is None:
        return Remove(item.address, if_match=etag)
    if isinstance(item.after, Key) and item.before is None:
        if item.after.id not in progress.minted:
            progress.minted[item.after.id] = minted(item.after, call.parts.pepper)
        return progress.minted[item.after.id][1]
    return await with_team(call, Put(item.after, if_match=etag, is_new=item.before is None))


def _answer(progress: _Progress, *, is_applied: bool, stopped_by: str | None = None) -> Answer:
    applied = Applied(
        changes=tuple(map(_told, progress.made)),
        applied=is_applied,
        batches=progress.batches,
        stopped_by=stopped_by,
        secrets={
            item.after.id: progress.minted[item.after.id][0]
            for item in progress.made
            if isinstance(item.after, Key) and item.after.id in progress.minted
        },
    )
    return Answer(applied.model_dump(mode="json"))


def _told(item: Difference) -> ResourceChange:
    return ResourceChange(
        action=item.action,
        address=item.address,
        before=None if item.before is None else plain(item.before),
        after=None if item.after is None else plain(item.after),
    )


async def export(call: Call) -> Answer:
    """Answer with everything that is stored, as `apply` takes it."""
    body: dict[str, Any] = {name: [] for name in FIELDS.values() if name != "organization"}
    for kind in Kind:
        async for stored in all_stored(call.parts, kind):
            if kind is Kind.ORGANIZATION:
                body["organization"] = plain(stored.resource)
            else:
                body[FIELDS[kind]].append(plain(stored.resource))
    return Answer(body)
