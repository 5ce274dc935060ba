from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.directory.model import Owner, Role
from shared.identity.model import Bearer, EntraConfig, EntraMapping
from tests.peers.issuer import ADA, CLIENT, GATEWAY, ROBOT, TENANT

GROUP = "6f1c2a30-0000-4000-8000-0000000000f1"
PERSON = Bearer(ADA, CLIENT, True, frozenset({"Gateway.Use"}), frozenset({GROUP}), False, "ada@contoso.example", "Ada")
APPLICATION = Bearer(ROBOT, CLIENT, False, frozenset({"Gateway.Use"}), frozenset(), False, None, None)


def mapping(**fields: Any) -> EntraMapping:
    return EntraMapping.model_validate({"owner": "teams/search", **fields})


def config(**fields: Any) -> EntraConfig:
    given = {"tenants": [TENANT], "audiences": [GATEWAY], "mappings": [{"role": "r", "owner": "teams/x"}], **fields}
    return EntraConfig.model_validate(given)


@pytest.mark.parametrize(
    ("condition", "person", "application"),
    [
        ({"role": "Gateway.Use"}, True, True),
        ({"role": "gateway.use"}, False, False),
        ({"group": GROUP.upper()}, True, False),
        ({"app": CLIENT.upper()}, False, True),
        ({"user": ADA}, True, False),
        ({"user": ROBOT}, False, True),
    ],
)
def test_a_mapping_is_met_by_whom_it_means(condition: dict[str, str], person: bool, application: bool) -> None:
    assert mapping(**condition).admits(PERSON) is person
    assert mapping(**condition).admits(APPLICATION) is application


@pytest.mark.parametrize("conditions", [{}, {"role": "a", "app": CLIENT}, {"group": GROUP, "user": ADA}])
def test_a_mapping_has_exactly_one_condition(conditions: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        mapping(**conditions)


@pytest.mark.parametrize("condition", [{"group": "developers"}, {"app": "my-app"}, {"user": "ada@x"}, {"role": "a b"}])
def test_groups_applications_and_users_are_named_by_their_ids(condition: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        mapping(**condition)


def test_a_mapping_makes_developers_who_may_use_everything_unless_it_says_otherwise() -> None:
    plain = mapping(role="r")

    assert (plain.role_in_gateway, plain.endpoints, plain.models) == (Role.DEVELOPER, ("*",), ("*",))


def test_the_first_mapping_that_is_met_wins() -> None:
    first, second = {"role": "Gateway.Use", "owner": "teams/a"}, {"user": ADA, "owner": "teams/b"}
    other = {"role": "Else", "owner": "teams/c"}

    def owner(*mappings: dict[str, str]) -> str | None:
        found = config(mappings=mappings).mapping_for(PERSON)
        return found.owner if found else None

    assert owner(first, second) == "teams/a"
    assert owner(second, first) == "teams/b"
    assert owner(other, second, first) == "teams/b"
    assert owner(other) is None


def test_users_of_a_team_have_nodes_of_their_own_and_applications_do_not() -> None:
    users = mapping(role="r", users_of_team=True)

    assert users.owner_of(PERSON) == "teams/search/users/ada@contoso.example"
    assert users.owner_of(replace(PERSON, username=None)) == f"teams/search/users/{ADA}"
    assert users.owner_of(APPLICATION) == "teams/search"
    assert mapping(role="r").owner_of(PERSON) == "teams/search"


@given(st.one_of(st.none(), st.text(max_size=140), st.from_regex(r"[a-z0-9#@. /\n]{1,130}", fullmatch=True)))
def test_whatever_a_user_is_called_the_owner_is_a_user_of_the_team(username: str | None) -> None:
    owner = mapping(role="r", users_of_team=True).owner_of(replace(PERSON, username=username))

    assert TypeAdapter(Owner).validate_python(owner) == owner
    assert owner.startswith("teams/search/users/")
    assert owner.count("/") == 3


def test_users_of_team_needs_a_team() -> None:
    with pytest.raises(ValidationError, match="needs a team"):
        mapping(role="r", owner="teams/search/applications/crawler", users_of_team=True)


def test_the_public_cloud_is_the_default() -> None:
    public = config()

    assert public.issuer_of(TENANT, "1.0") == f"https://sts.windows.net/{TENANT}/"
    assert public.issuer_of(TENANT, "2.0") == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert public.jwks_url_of(TENANT) == f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    assert public.leeway_s == 60


def test_a_sovereign_cloud_has_an_authority_of_its_own() -> None:
    china = config(
        authority="https://login.partner.microsoftonline.cn/", issuer_v1="https://sts.chinacloudapi.cn/{tenant}/"
    )

    assert china.issuer_of(TENANT, "1.0") == f"https://sts.chinacloudapi.cn/{TENANT}/"
    assert china.issuer_of(TENANT, "2.0") == f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0"
    assert china.jwks_url_of(TENANT).startswith("https://login.partner.microsoftonline.cn/")


@pytest.mark.parametrize("authority", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_plain_http_is_taken_to_this_machine(authority: str) -> None:
    assert config(authority=authority).jwks_url_of(TENANT) == f"{authority}/{TENANT}/discovery/v2.0/keys"


@pytest.mark.parametrize(
    "fields",
    [
        {"authority": "http://login.contoso.example"},
        {"authority": "ftp://login.contoso.example"},
        {"authority": "https://ada:secret@login.contoso.example"},
        {"authority": "https://[::1"},
        {"authority": "https://"},
        {"jwks_url": "http://login.contoso.example/{tenant}/keys"},
        {"jwks_url": "https://login.contoso.example/keys"},
        {"issuer_v2": "{tenant}"},
        {"tenants": []},
        {"tenants": ["common"]},
        {"tenants": ["contoso.onmicrosoft.com"]},
        {"audiences": []},
        {"audiences": [" "]},
        {"mappings": []},
        {"leeway_s": -1},
        {"unknown": 1},
    ],
)
def test_what_would_be_unsafe_or_cannot_work_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**fields)

    assert "secret" not in str(refused.value)


def test_tenants_are_compared_without_regard_to_case() -> None:
    assert config(tenants=[TENANT.upper()]).tenants == (TENANT,)
