"""Compares what there is with what there shall be. Pure: the same two states always give the same changes in the same order."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.directory.model import ORGANIZATION, Kind, Resource, kind_of

ORDER = {kind: place for place, kind in enumerate(Kind)}
"""What stands on something else comes after it; deletions go the other way."""


@dataclass(frozen=True, slots=True)
class Difference:
    address: str
    before: Resource | None
    after: Resource | None

    @property
    def action(self) -> Literal["create", "update", "delete"]:
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "update"


def differences(
    current: Mapping[str, Resource], desired: Mapping[str, Resource], *, prune: bool, keep: Collection[Kind] = ()
) -> tuple[Difference, ...]:
    """Return the changes in an order in which every beginning of them leaves nothing hanging. Nothing of the kinds in `keep` is deleted."""
    changed = sorted(_to_store(current, desired), key=lambda item: (_rank(item.after), item.address))
    gone = sorted(_to_delete(current, desired, keep), key=lambda item: (-_rank(item.before), item.address))
    return (*changed, *(gone if prune else ()))


def first_batch(changes: Sequence[Difference], costs: Mapping[str, int], room: int) -> tuple[Difference, ...]:
    """Return as many of the first changes as fit, and at least one."""
    taken: list[Difference] = []
    for change in changes:
        room -= costs[change.address]
        if room < 0 and taken:
            break
        taken.append(change)
    return tuple(taken)


def _to_store(current: Mapping[str, Resource], desired: Mapping[str, Resource]) -> Iterator[Difference]:
    for address, resource in desired.items():
        if current.get(address) != resource:
            yield Difference(address, current.get(address), resource)


def _to_delete(
    current: Mapping[str, Resource], desired: Mapping[str, Resource], keep: Collection[Kind]
) -> Iterator[Difference]:
    for address, resource in current.items():
        if address not in desired and address != ORGANIZATION and kind_of(resource) not in keep:
            yield Difference(address, resource, None)


def _rank(resource: Resource | None) -> int:
    assert resource is not None
    return ORDER[kind_of(resource)]
