"""Makes the directory what a document says, and says what that changes; and writes that document."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from shared.directory.changes import Change, Put, Remove
from shared.directory.documents import Stored
from shared.directory.key_lifecycle import minted
from shared.directory.model import Key, Kind, address_of
from shared.directory.store import MOST_DOCUMENTS
from shared.documents import StoreUnavailable
from shared.management.answers import Applied, ResourceChange
from shared.management.call import Answer, Call
from shared.management.desired import Desired, desired_of
from shared.management.differences import Difference, differences, first_batch
from shared.management.problems import Conflict, Problem
from shared.management.requests import PLURALS, ApplyRequest
from shared.management.resources import check_not_own_key, run, signed
from shared.management.view import all_stored, plain

MOST_BATCHES = 1000


@dataclass(slots=True)
class _Work:
    """The changes that are still to be made to what is stored, as long as the audit log has this length."""

    length: int
    stored: dict[str, Stored]
    left: tuple[Difference, ...]

    def batch(self) -> tuple[Difference, ...]:
        # Each change costs at least one document.
        costs = {change.address: _cost(change, self.stored) for change in self.left[:MOST_DOCUMENTS]}
        return first_batch(self.left[:MOST_DOCUMENTS], costs, MOST_DOCUMENTS)

    def done(self, batch: Sequence[Difference]) -> None:
        self.length += len(batch)
        self.left = self.left[len(batch) :]


@dataclass(slots=True)
class _Progress:
    """What was made so far; `minted` keeps a new key's secret the same when a plan has to be made again."""

    work: _Work | None = None
    minted: dict[str, tuple[str, Put]] = field(default_factory=dict)
    made: list[Difference] = field(default_factory=list)
    batches: int = 0


async def apply(call: Call) -> Answer:
    request: ApplyRequest = call.body
    desired = desired_of(request.resources, call.parts.file)
    if request.dry_run:
        work = await _read(call, desired, request)
        return _answer(_Progress(made=list(work.left)), is_applied=False)
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
    """Commit the first changes that are still to be made, and say whether there are more."""
    batch: tuple[Difference, ...] = ()

    async def plan() -> Sequence[Change]:
        nonlocal batch
        progress.work = await _current(call, desired, request, progress)
        batch = progress.work.batch()
        return [await _change(call, item, progress) for item in batch]

    await run(call, "apply", plan)
    assert progress.work is not None
    progress.work.done(batch)
    progress.made += batch
    progress.batches += bool(batch)
    return bool(progress.work.left)


async def _current(call: Call, desired: Desired, request: ApplyRequest, progress: _Progress) -> _Work:
    """Return the work as it is now: read anew only if somebody else has changed something. Raises Conflict."""
    known = progress.work
    if known is not None and known.length == await call.parts.audit.length():
        return known
    work = await _read(call, desired, request)
    if request.expect is not None:
        is_expected = work.left == known.left if known and progress.made else _fingerprint(work.left) == request.expect
        if not is_expected:
            raise Conflict("Other changes would be made than were shown: somebody has changed resources meanwhile.")
    return work


async def _read(call: Call, desired: Desired, request: ApplyRequest) -> _Work:
    """Read the whole directory, and work out what is to be made of it. Raises Invalid and Conflict."""
    length = await call.parts.audit.length()
    stored = {address_of(item.resource): item for kind in Kind async for item in all_stored(call.parts, kind)}
    current = {address: item.resource for address, item in stored.items()}
    keep = {kind for kind, section in PLURALS.items() if section in request.keep}
    changes = differences(current, desired.resources, prune=request.prune, keep=keep)
    desired.check(call, current, {change.address for change in changes if change.after is None})
    for change in changes:
        if change.before is not None:
            check_not_own_key(call, change.before, change.after)
    return _Work(length, stored, changes)


def _cost(change: Difference, stored: Mapping[str, Stored]) -> int:
    """The documents that a change writes: the resource, the audit entry, and the digests of keys that come and go."""
    if isinstance(change.after, Key) and change.before is None:
        return 3
    return 2 + (len(stored[change.address].digests) if change.after is None else 0)


async def _change(call: Call, item: Difference, progress: _Progress) -> Change:
    """Return the change without a version to hold it against: as long as the log has not grown there is no other."""
    if item.after is None:
        return Remove(item.address)
    if isinstance(item.after, Key) and item.before is None:
        if item.after.id not in progress.minted:
            progress.minted[item.after.id] = minted(item.after, call.parts.pepper)
        return progress.minted[item.after.id][1]
    return await signed(call, Put(item.after, is_new=item.before is None))


def _answer(progress: _Progress, *, is_applied: bool, stopped_by: str | None = None) -> Answer:
    applied = Applied(
        changes=tuple(map(_told, progress.made)),
        applied=is_applied,
        batches=progress.batches,
        fingerprint=_fingerprint(progress.made),
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


def _fingerprint(changes: Sequence[Difference]) -> str:
    told = [_told(change).model_dump(mode="json") for change in changes]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def export(call: Call) -> Answer:
    """Answer with everything that is stored, as `apply` takes it."""
    body: dict[str, Any] = {
        section: [plain(stored.resource) async for stored in all_stored(call.parts, kind)]
        for kind, section in PLURALS.items()
    }
    async for stored in all_stored(call.parts, Kind.ORGANIZATION):
        body["organization"] = plain(stored.resource)
    return Answer(body)
