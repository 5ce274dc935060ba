"""What a document to be applied asks for, and whether that can be: each problem names its place in the document."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from shared.directory.declared import FileDirectory
from shared.directory.model import ORGANIZATION, Kind, Resource, address_of
from shared.management.call import Call
from shared.management.problems import Conflict, FieldError, Invalid
from shared.management.references import reference_of
from shared.management.requests import PLURALS, Resources
from shared.management.resources import check_same_team


@dataclass(frozen=True, slots=True)
class Desired:
    """The wanted resources by address, and where in the document each of them stands."""

    resources: Mapping[str, Resource]
    places: Mapping[str, str]

    def check(self, call: Call, current: Mapping[str, Resource], deleted: Collection[str]) -> None:
        """Raises Invalid for what is the file's or stands on nothing, and Conflict where what stays stands on what would go."""
        file = call.parts.file
        declared = {address_of(resource): resource for kind in Kind for resource in file.all(kind)}
        errors = [
            FieldError(place, "is defined in the configuration file; change it there")
            for address, place in self.places.items()
            if address in declared
        ]
        kept = {address: resource for address, resource in current.items() if address not in deleted}
        final = {ORGANIZATION: None, **kept, **self.resources, **declared}
        errors += _dangling(self.resources, self.places, final)
        if errors:
            raise Invalid(errors)
        for address, resource in self.resources.items():
            if address in current:
                check_same_team(current[address], resource, f"{self.places[address]}.")
        staying = {address: resource for address, resource in kept.items() if address not in self.resources}
        _check_staying({**staying, **declared}, current, final)


def desired_of(resources: Resources, file: FileDirectory) -> Desired:
    """Leave out what the configuration file says in the same words. Raises Invalid for what is there twice."""
    found: dict[str, Resource] = {}
    places: dict[str, str] = {}
    errors = []
    for place, resource in _placed(resources):
        address = address_of(resource)
        if address in found:
            errors.append(FieldError(place, f"{address} is there twice"))
        found[address], places[address] = resource, place
    if errors:
        raise Invalid(errors)
    ours = {address: resource for address, resource in found.items() if file.get(address) != resource}
    return Desired(ours, {address: places[address] for address in ours})


def _placed(resources: Resources) -> Iterator[tuple[str, Resource]]:
    if resources.organization is not None:
        yield "resources.organization", resources.organization
    for name in PLURALS.values():
        for index, resource in enumerate(getattr(resources, name)):
            yield f"resources.{name}[{index}]", resource


def _dangling(
    resources: Mapping[str, Resource], places: Mapping[str, str], final: Mapping[str, Resource | None]
) -> Iterator[FieldError]:
    for address, resource in resources.items():
        reference = reference_of(resource)
        if reference is not None and reference[1] not in final:
            yield FieldError(f"{places[address]}.{reference[0]}", f"there is no {reference[1]}")


def _check_staying(
    staying: Mapping[str, Resource], current: Mapping[str, Resource], final: Mapping[str, Resource | None]
) -> None:
    for address, resource in staying.items():
        reference = reference_of(resource)
        if reference is not None and reference[1] in current and reference[1] not in final:
            raise Conflict(f"{address}, which stays, depends on {reference[1]}, which would be deleted.")
