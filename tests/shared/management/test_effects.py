from dataclasses import replace

import pytest

from shared.directory.model import Budget, Level, Mode, Organization, Policy, Quota, RateLimit, Team
from shared.policy.compile import effective_of
from tests.shared.management.office import ADMIN_A, ADMIN_B, AUDITOR, DEV_A, DEV_B, ROOT, Office

LEVELS = (
    Level(
        "teams/a",
        Team(id="a", models=("gpt-*",)),
        (
            Policy(
                id="pol_team", scope="teams/a", max_output_tokens=100, max_concurrency=3, quotas=(Quota(tokens=10**6),),
                rate_limits=(RateLimit(unit="requests", limit=5),),
            ),
        ),
        (Budget(id="bud_team", scope="teams/a", amount=7),),
    ),
    Level(
        "organization",
        Organization(),
        (
            Policy(id="pol_wide", scope="organization", max_output_tokens=1000),
            Policy(id="pol_tried", scope="organization", max_output_tokens=1, mode=Mode.SHADOW),
        ),
    ),
)  # fmt: skip


@pytest.mark.parametrize("by", [ROOT, AUDITOR, ADMIN_A, DEV_A, DEV_B])
async def test_everybody_learns_who_he_is(office: Office, by: str) -> None:
    caller = office.people.known[by]

    assert (await office.call("GET", "me", by=by)).json == {
        "id": caller.id,
        "kind": "virtual_key",
        "role": caller.role,
        "owner": caller.owner,
        "team": caller.team,
        "scope": f"keys/{caller.id}",
    }


async def test_every_rule_is_shown_with_its_level_and_its_source(office: Office) -> None:
    office.people.known[DEV_A] = replace(office.people.known[DEV_A], policy=effective_of(LEVELS, "vk_dev-a", "a"))

    answer = (await office.call("GET", "effective-policy", by=DEV_A)).json

    assert (answer["key"], answer["owner"]) == (None, "teams/a")
    rules = {(rule["rule"], rule["source"]): rule for rule in answer["rules"]}
    assert rules["models", "teams/a"]["value"] == ["gpt-*"]
    assert rules["max_output_tokens", "pol_team"]["in_force"]
    assert rules["max_output_tokens", "pol_team"]["value"] == {"limit": 100, "on_excess": "clamp"}
    assert not rules["max_output_tokens", "pol_wide"]["in_force"]
    assert rules["max_output_tokens", "pol_wide"]["level"] == "organization"
    assert (rules["max_output_tokens", "pol_tried"]["mode"], rules["max_output_tokens", "pol_tried"]["in_force"]) == (
        "shadow", False,
    )  # fmt: skip
    counted = [rule["value"] for rule in answer["rules"] if "unit" in rule["value"]]
    assert {"unit": "money", "limit": "7"} in counted
    assert {"unit": "requests", "limit": 5} in counted
    assert {"unit": "tokens", "limit": 10**6} in counted


@pytest.mark.parametrize("by", [ROOT, AUDITOR, ADMIN_A])
async def test_who_sees_a_key_sees_what_applies_to_it(furnished: Office, by: str) -> None:
    policy = await furnished.call("GET", "effective-policy?key=vk_key-a", by=by)
    explained = await furnished.call(
        "POST", "explain", {"key": "vk_key-a", "endpoint": "chat.completions", "model": "gpt-4o"}, by=by
    )

    assert (policy.status, policy.json["owner"]) == (200, "teams/a/applications/app-a")
    assert (explained.status, explained.json["allowed"]) == (200, True)


@pytest.mark.parametrize("by", [ADMIN_B, DEV_A, DEV_B])
@pytest.mark.parametrize("key", ["vk_key-a", "vk_nobody"])
async def test_to_others_the_key_does_not_exist(furnished: Office, by: str, key: str) -> None:
    policy = await furnished.call("GET", f"effective-policy?key={key}", by=by)
    explained = await furnished.call("POST", "explain", {"key": key, "endpoint": "x", "model": "y"}, by=by)

    assert (policy.status, explained.status) == (404, 404)
    assert policy.json["detail"] == explained.json["detail"] == f"There is no keys/{key}."


async def test_developers_may_ask_about_their_own_key_by_name(office: Office) -> None:
    answer = await office.call("GET", "effective-policy?key=vk_dev-a", by=DEV_A)

    assert (answer.status, answer.json["key"]) == (200, "vk_dev-a")


async def test_the_status_of_a_budget_is_in_exact_money(furnished: Office) -> None:
    answer = (await furnished.call("GET", "budgets/bud_on-a/status", by=ADMIN_A)).json

    money = {"amount": "7", "spent": "0.5", "reserved": "0.1", "remaining": "6.5"}
    assert {name: answer[name] for name in money} == money
    assert answer["percent"] == 7
    assert answer["period_start"] == "2026-01-01T00:00:00+00:00"
    assert [(item["percent"], item["is_reached"]) for item in answer["thresholds"]] == [
        (50, False),
        (80, False),
        (100, False),
    ]


@pytest.mark.parametrize(("by", "is_told"), [(ROOT, True), (AUDITOR, True), (ADMIN_A, False), (DEV_A, False)])
async def test_what_may_be_spent_above_the_team_is_not_for_the_team(office: Office, by: str, is_told: bool) -> None:
    above = (
        Level("teams/a", Team(id="a"), (), (Budget(id="bud_team", scope="teams/a", amount=7),)),
        Level(
            "organization",
            Organization(),
            (Policy(id="pol_wide", scope="organization", rate_limits=(RateLimit(unit="requests", limit=500),)),),
            (Budget(id="bud_wide", scope="organization", amount=987654),),
        ),
    )
    office.people.known[by] = replace(office.people.known[by], policy=effective_of(above, "vk_x", "a"))

    answer = await office.call("GET", "effective-policy", by=by)

    rules = {rule["source"]: rule for rule in answer.json["rules"]}
    assert (b"987654" in answer.raw) is is_told
    assert rules["bud_wide"]["level"] == "organization"
    assert rules["bud_wide"]["value"]["unit"] == "money"
    assert rules["bud_team"]["value"] == {"unit": "money", "limit": "7"}
    assert rules["pol_wide"]["value"] == {"unit": "requests", "limit": 500}
