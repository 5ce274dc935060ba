"""Scopes, addresses and the rules of the resources."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.directory.model import (
    TYPES,
    Application,
    Area,
    Budget,
    Key,
    Kind,
    Organization,
    Owner,
    Policy,
    Resource,
    Scope,
    Team,
    Threshold,
    User,
    address_of,
    kind_of,
    team_of,
)

RESOURCES: list[tuple[Resource, Kind, str, str]] = [
    (Organization(), Kind.ORGANIZATION, "organization", "organization"),
    (Area(id="retail"), Kind.AREA, "areas/retail", "areas/retail"),
    (Team(id="search"), Kind.TEAM, "teams/search", "teams/search"),
    (Application(id="a", team="t"), Kind.APPLICATION, "teams/t/applications/a", "teams/t/applications/a"),
    (User(id="ada@x.org", team="t"), Kind.USER, "teams/t/users/ada@x.org", "teams/t/users/ada@x.org"),
    (Key(id="vk_1", owner="teams/t"), Kind.KEY, "keys/vk_1", "keys/vk_1"),
    (Policy(id="pol_1", scope="areas/retail"), Kind.POLICY, "areas/retail", "policies/pol_1"),
    (Budget(id="bud_1", scope="keys/vk_1", amount=1), Kind.BUDGET, "keys/vk_1", "budgets/bud_1"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("resource", "kind", "scope", "address"), RESOURCES, ids=lambda value: str(value)[:20])
def test_every_resource_has_a_kind_a_scope_and_an_address(
    resource: Resource, kind: Kind, scope: str, address: str
) -> None:
    assert (kind_of(resource), resource.scope, address_of(resource)) == (kind, scope, address)
    TypeAdapter(Scope).validate_python(scope)


def test_every_kind_has_one_type() -> None:
    assert set(TYPES) == set(Kind)
    assert len(set(TYPES.values())) == len(Kind)


@pytest.mark.parametrize(
    "scope",
    ["", "teams", "teams/", "teams/a/", "teams/a/keys/b", "teams/a/users", "areas/a/teams/b", "teams/.a", "keys/a",
     "organization/a", "teams/a|b", "teams/a\n", "Teams/a", "areas/" + "a" * 65],
)  # fmt: skip
def test_what_is_not_a_path_in_the_hierarchy_is_no_scope(scope: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Scope).validate_python(scope)


@pytest.mark.parametrize("owner", ["organization", "areas/retail", "keys/vk_1"])
def test_only_teams_and_what_is_in_them_own_keys(owner: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Owner).validate_python(owner)


@pytest.mark.parametrize(
    ("scope", "team"),
    [("teams/a", "a"), ("teams/a/users/b", "a"), ("organization", None), ("areas/teams", None), ("keys/vk_1", None)],
)
def test_the_team_is_read_from_the_scope(scope: str, team: str | None) -> None:
    assert team_of(scope) == team


@pytest.mark.parametrize(
    "threshold",
    [
        {"percent": 80, "action": "throttle"},
        {"percent": 80, "action": "downshift"},
        {"percent": 80, "action": "block", "model": "small"},
        {"percent": 80, "requests_per_minute": 5},
        {"percent": 80, "action": "throttle", "requests_per_minute": 5, "model": "small"},
        {"percent": 0},
    ],
)
def test_a_threshold_has_what_its_action_needs_and_nothing_else(threshold: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Threshold.model_validate(threshold)


def test_no_two_thresholds_of_a_budget_are_the_same() -> None:
    thresholds = [{"percent": 80}, {"percent": 80, "action": "block"}]
    budget = {"id": "bud_1", "scope": "organization", "amount": 1}

    assert len(Budget.model_validate({**budget, "thresholds": thresholds}).thresholds) == 2
    with pytest.raises(ValidationError, match="the same"):
        Budget.model_validate({**budget, "thresholds": [*thresholds, {"percent": 80}]})


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity", "0.0000000001", "1000000000.1"])
def test_a_budget_is_an_amount_that_can_be_counted_in_nano_units(amount: str) -> None:
    with pytest.raises(ValidationError):
        Budget.model_validate({"id": "bud_1", "scope": "organization", "amount": amount})


def test_a_key_expires_at_a_moment_and_not_at_some_local_time() -> None:
    with pytest.raises(ValidationError):
        Key.model_validate({"id": "vk_1", "owner": "teams/a", "expires_at": "2026-01-01T00:00:00"})


def test_a_field_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError, match="bugdet"):
        Team.model_validate({"id": "search", "bugdet": 5})
