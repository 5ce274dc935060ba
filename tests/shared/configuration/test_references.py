"""A name that is used exists, and exists once."""

from typing import Any

import pytest

from shared.configuration.model import Configuration
from shared.configuration.references import Path, broken_references

VALID: dict[str, Any] = {
    "version": 1,
    "deployments": [
        {"name": "east", "endpoint": "https://e.example"},
        {"name": "west", "endpoint": "https://w.example"},
    ],
    "routes": [{"alias": "a", "targets": [{"deployment": "east"}, {"deployment": "west"}]}],
    "teams": [{"id": "t"}, {"id": "u"}],
    "keys": [
        {"id": "vk_1", "owner": "teams/t", "secret_ref": "env:A"},
        {"id": "vk_2", "owner": "teams/u", "secret_ref": "env:B"},
    ],
    "objects_deployment": "west",
}


def broken(**changes: Any) -> list[Path]:
    config = Configuration.model_validate({**VALID, **changes})
    return [place for place, _ in broken_references(config)]


def test_a_whole_configuration_has_no_broken_reference() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"deployments": [*VALID["deployments"], VALID["deployments"][0]]}, ("deployments", 2, "name")),
        ({"routes": VALID["routes"] * 2}, ("routes", 1, "alias")),
        ({"teams": [*VALID["teams"], {"id": "t", "name": "again"}]}, ("teams", 2, "id")),
        ({"keys": [*VALID["keys"], VALID["keys"][1]]}, ("keys", 2, "id")),
        ({"objects_deployment": "north"}, ("objects_deployment",)),
        ({"teams": [{"id": "t", "area": "x"}, {"id": "u"}]}, ("teams", 0, "area")),
        (
            {"applications": [{"id": "a", "team": "t"}, {"id": "a", "team": "u"}, {"id": "a", "team": "u"}]},
            ("applications", 2, "id"),
        ),
        ({"users": [{"id": "ada@example.com", "team": "x"}]}, ("users", 0, "team")),
        ({"policies": [{"id": "pol_a", "scope": "keys/vk_3"}]}, ("policies", 0, "scope")),
        ({"budgets": [{"id": "bud_a", "scope": "areas/x", "amount": 1}]}, ("budgets", 0, "scope")),
        ({"teams": [{"id": "t"}]}, ("keys", 1, "owner")),
        ({"routes": [{"alias": "a", "targets": [{"deployment": "x"}]}]}, ("routes", 0, "targets", 0, "deployment")),
    ],
)
def test_each_kind_of_broken_reference_is_found(changes: dict[str, Any], place: Path) -> None:
    assert broken(**changes) == [place]


ROOM: dict[str, Any] = {
    "name": "main",
    "deployments": ["east"],
    "units": 10,
    "per_unit_hour": "1",
    "owner": "t",
    "tokens_per_minute_per_unit": 100,
    "output_weight": "4",
}
JULY = "2026-07-01T00:00:00Z"
PAID_BY_THE_HOUR = [{**VALID["deployments"][0], "capacity": "provisioned"}, VALID["deployments"][1]]


@pytest.mark.parametrize("name", ["main", "second"])
def test_a_pool_that_has_ended_may_be_followed_by_another_one(name: str) -> None:
    old, new = {**ROOM, "effective_to": JULY}, {**ROOM, "name": name, "units": 20, "effective_from": JULY}

    assert broken(deployments=PAID_BY_THE_HOUR, provisioned=[old, new]) == []


@pytest.mark.parametrize(
    ("pools", "deployments", "places"),
    [
        ([ROOM, {**ROOM, "name": "second"}], PAID_BY_THE_HOUR, [("provisioned", 1, "deployments", 0)]),
        (
            [{**ROOM, "effective_to": JULY}, {**ROOM, "effective_from": "2026-06-30T23:00:00Z"}],
            PAID_BY_THE_HOUR,
            [("provisioned", 1, "name"), ("provisioned", 1, "deployments", 0)],
        ),
        ([{**ROOM, "deployments": ["east", "x"]}], PAID_BY_THE_HOUR, [("provisioned", 0, "deployments", 1)]),
        ([ROOM], VALID["deployments"], [("provisioned", 0, "deployments", 0)]),
        ([], PAID_BY_THE_HOUR, [("deployments", 0, "capacity")]),
    ],
)
def test_a_deployment_that_is_paid_by_the_hour_is_in_one_pool_at_a_time(
    pools: list[Any], deployments: list[Any], places: list[Path]
) -> None:
    assert broken(deployments=deployments, provisioned=pools) == places
