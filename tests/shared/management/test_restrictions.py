"""A team admin runs the own team, but neither charges others nor undoes what the platform has set, nor makes mightier keys."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from shared.policy.model import EffectivePolicy, NameRule, Origin
from tests.shared.management.office import ADMIN_A, ROOT, Office

END = datetime(2026, 3, 1, tzinfo=UTC)
ME = "keys/vk_admin-a"
RESTRICTED: dict[str, Any] = {
    "cidrs": ["10.0.0.0/8"],
    "expires_at": "2026-03-01T00:00:00Z",
    "models": ["gpt-*", "both"],
    "endpoints": ["chat.*"],
}


def restrict(office: Office, **changes: Any) -> None:
    names = (
        NameRule(Origin(ME, ME), "models", tuple(RESTRICTED["models"])),
        NameRule(Origin(ME, ME), "endpoints", tuple(RESTRICTED["endpoints"])),
    )
    caller = replace(
        office.people.known[ADMIN_A],
        networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        expires_at=END,
        policy=EffectivePolicy(names=names),
    )
    office.people.known[ADMIN_A] = replace(caller, **changes)


@pytest.mark.parametrize("path", ["keys/vk_key-a", "teams/a/applications/app-a", "teams/a/users/user-a"])
async def test_a_team_admin_changes_whom_usage_is_for_but_not_who_pays(furnished: Office, path: str) -> None:
    changed = await furnished.call("PATCH", path, {"client": "x", "project": "y"}, match="*", by=ADMIN_A)
    charged = await furnished.call("PATCH", path, {"cost_center": "4711"}, match="*", by=ADMIN_A)

    assert (changed.status, changed.json["client"], changed.json["project"]) == (200, "x", "y")
    assert (charged.status, charged.fields) == (422, ["cost_center"])
    assert (await furnished.call("PATCH", path, {"cost_center": "4711"}, match="*", by=ROOT)).status == 200
    assert (await furnished.call("PATCH", path, {"name": "new"}, match="*", by=ADMIN_A)).json["cost_center"] == "4711"
    assert (await furnished.call("PATCH", path, {"cost_center": None}, match="*", by=ADMIN_A)).fields == ["cost_center"]


async def test_a_team_admin_makes_nothing_that_another_cost_center_pays(furnished: Office) -> None:
    for path, body in (("keys", {"owner": "teams/a"}), ("teams/a/users", {"id": "new"})):
        made = await furnished.call("POST", path, {**body, "cost_center": "4711"}, by=ADMIN_A)
        assert (made.status, made.fields) == (422, ["cost_center"])


@pytest.mark.parametrize("address", ["policies/pol_on-a", "budgets/bud_on-a"])
@pytest.mark.parametrize(("method", "body"), [("PUT", {}), ("PATCH", {"mode": "off"}), ("DELETE", None)])
async def test_what_the_platform_has_set_in_a_team_stays_as_it_is(
    furnished: Office, address: str, method: str, body: dict[str, object] | None
) -> None:
    before = (await furnished.call("GET", address)).json
    sent = {**before, "name": "mine"} if method == "PUT" else body

    answer = await furnished.call(method, address, sent, match="*", by=ADMIN_A)

    assert answer.status == 403
    assert (await furnished.call("GET", address)).json == before
    assert before["made_by"] == "platform_admin"


async def test_a_team_admin_adds_stricter_rules_and_changes_those_of_team_admins(furnished: Office) -> None:
    made = await furnished.made("policies", {"scope": "teams/a/users/user-a", "max_concurrency": 1}, by=ADMIN_A)
    address = f"policies/{made.json['id']}"

    changed = await furnished.call("PATCH", address, {"max_concurrency": 2}, match=made.etag, by=ADMIN_A)
    assert (changed.status, changed.json["made_by"]) == (200, "team_admin")
    await furnished.call("PATCH", address, {"max_concurrency": 1}, match="*", by=ROOT)
    assert (await furnished.call("DELETE", address, by=ADMIN_A)).status == 403


async def test_what_was_applied_is_the_platforms(furnished: Office) -> None:
    policies = [{"id": "pol_new", "scope": "teams/a/users/user-a"}]
    await furnished.call("POST", "apply", {"resources": {"policies": policies}})

    assert (await furnished.call("DELETE", "policies/pol_new", by=ADMIN_A)).status == 403


async def test_a_key_is_restricted_as_its_maker_is(furnished: Office) -> None:
    restrict(furnished)

    made = (await furnished.made("keys", {"owner": "teams/a"}, by=ADMIN_A)).json

    assert (made["cidrs"], made["expires_at"]) == (["10.0.0.0/8", "fd00::/8"], "2026-03-01T00:00:00Z")
    assert (made["models"], made["endpoints"]) == (["gpt-*", "both"], ["chat.*"])


@pytest.mark.parametrize(
    "narrower",
    [
        {"cidrs": ["10.1.0.0/16", "10.2.3.4/32", "fd00:1::/32"]},
        {"expires_at": "2026-02-28T00:00:00Z"},
        {"models": ["gpt-*"]},
        {"models": ["gpt-4o", "both"]},
        {"endpoints": ["chat.completions"]},
    ],
)
async def test_a_key_may_be_more_restricted_than_its_maker(furnished: Office, narrower: dict[str, object]) -> None:
    restrict(furnished)

    assert (await furnished.call("POST", "keys", {"owner": "teams/a", **narrower}, by=ADMIN_A)).status == 201


WIDER = [
    {"cidrs": []},
    {"cidrs": ["10.1.0.0/16", "11.0.0.0/8"]},
    {"cidrs": ["0.0.0.0/0"]},
    {"cidrs": ["::/0"]},
    {"expires_at": None},
    {"expires_at": "2026-03-01T00:00:01Z"},
    {"models": ["*"]},
    {"models": ["gpt-4*"]},
    {"models": ["gpt-*", "other"]},
    {"endpoints": ["*"]},
]


@pytest.mark.parametrize("wider", WIDER)
async def test_a_key_is_never_less_restricted_than_its_maker(furnished: Office, wider: dict[str, object]) -> None:
    restrict(furnished)
    own = await furnished.made("keys", {"owner": "teams/a"}, by=ADMIN_A)

    made = await furnished.call("POST", "keys", {"owner": "teams/a", **wider}, by=ADMIN_A)
    address = f"keys/{own.json['id']}"
    changed = await furnished.call("PATCH", address, wider, match="*", by=ADMIN_A)
    whole = {**RESTRICTED, "owner": "teams/a", **wider}
    replaced = await furnished.call("PUT", address, whole, match="*", by=ADMIN_A)

    for answer in (made, changed, replaced):
        assert (answer.status, answer.fields) == (422, list(wider))


async def test_a_restricted_team_admin_gets_no_secret_of_a_mightier_key(furnished: Office) -> None:
    restrict(furnished)

    rotated = await furnished.call("POST", "keys/vk_key-a/rotate", {}, by=ADMIN_A)

    assert (rotated.status, rotated.fields) == (422, ["cidrs", "expires_at", "models", "endpoints"])
    assert (await furnished.call("POST", "keys/vk_key-a/disable", by=ADMIN_A)).status == 200


async def test_the_end_of_a_token_is_not_the_end_of_what_is_made_with_it(furnished: Office) -> None:
    restrict(furnished, kind="entra", networks=(), policy=EffectivePolicy())

    made = await furnished.made("keys", {"owner": "teams/a"}, by=ADMIN_A)

    assert "expires_at" not in made.json


async def test_what_the_platform_makes_is_not_restricted(furnished: Office) -> None:
    furnished.people.known[ROOT] = replace(furnished.people.known[ROOT], networks=(ip_network("10.0.0.0/8"),))

    made = await furnished.made("keys", {"owner": "teams/a", "cost_center": "1"})

    assert made.json["cidrs"] == []
