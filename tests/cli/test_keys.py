"""Keys from the command line: their secrets are shown once, and alone."""

import json

import pytest

from tests.cli.console import OPERATORS_KEY, Console
from tests.cli.stub import Stub

KEY = {"id": "vk_1", "owner": "teams/search", "role": "developer", "hint": "sk-abc", "disabled": False}
MINTED = {**KEY, "secret": "sk-abcdef"}


def test_the_secret_alone_is_on_stdout_and_stderr_says_that_it_is_not_shown_again(stub: Stub, console: Console) -> None:
    stub.tell("POST keys", MINTED, 201)

    minted = console("keys", "mint", "--team", "search")

    assert (minted.code, minted.out) == (0, "sk-abcdef\n")
    assert "vk_1" in minted.err
    assert "not shown again" in minted.err
    assert stub.last.body == {"owner": "teams/search"}
    assert stub.last.headers["authorization"] == f"Bearer {OPERATORS_KEY}"


def test_quiet_writes_nothing_but_the_secret(stub: Stub, console: Console) -> None:
    stub.tell("POST keys", MINTED, 201)

    minted = console("keys", "mint", "--team", "search", "--quiet")

    assert (minted.out, minted.err) == ("sk-abcdef\n", "")


def test_a_key_is_made_with_everything_that_was_asked_for(stub: Stub, console: Console) -> None:
    stub.tell("POST keys", MINTED, 201)

    console(
        *("keys", "mint", "--team", "search", "--application", "crawler", "--name", "Nightly", "--role", "team_admin"),
        *("--models", "gpt-4o, gpt-5*", "--endpoints", "chat.completions", "--cidr", "10.0.0.0/8,192.0.2.1"),
        *("--expires", "2999-01-31", "--cost-center", "4711"),
    )

    assert stub.last.body == {
        "owner": "teams/search/applications/crawler",
        "name": "Nightly",
        "role": "team_admin",
        "models": ["gpt-4o", "gpt-5*"],
        "endpoints": ["chat.completions"],
        "cidrs": ["10.0.0.0/8", "192.0.2.1"],
        "expires_at": "2999-01-31T00:00:00+00:00",
        "cost_center": "4711",
    }


def test_a_user_can_own_a_key(stub: Stub, console: Console) -> None:
    stub.tell("POST keys", MINTED, 201)

    console("keys", "mint", "--team", "search", "--user", "ada@example.com")

    assert stub.last.body == {"owner": "teams/search/users/ada@example.com"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--expires", "2020-01-01"], "error: --expires: lies in the past"),
        (["--expires", "soon"], "error: --expires: must be a duration"),
        (["--team", "../other"], "argument --team: must be letters"),
        (["--application", "a", "--user", "b"], "not allowed with argument"),
        (["--role", "king"], "argument --role"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    stub: Stub, console: Console, arguments: list[str], said: str
) -> None:
    minted = console("keys", "mint", "--team", "search", *arguments)

    assert minted.code == 2
    assert said in minted.err
    assert stub.asked == []


def test_a_refusal_names_the_field(stub: Stub, console: Console) -> None:
    stub.problem("POST keys", 422, "owner: there is no teams/search", ("owner", "there is no teams/search"))

    minted = console("keys", "mint", "--team", "search")

    assert (minted.code, minted.out) == (1, "")
    assert minted.errors == ["error: owner: there is no teams/search"]


def test_a_new_secret_is_shown_with_the_grace_that_was_asked_for(stub: Stub, console: Console) -> None:
    stub.tell("POST keys/vk_1/rotate", MINTED)

    rotated = console("keys", "rotate", "vk_1", "--grace", "2h")

    assert rotated.out == "sk-abcdef\n"
    assert stub.last.body == {"grace_s": 7200}


def test_without_a_grace_the_gateway_chooses_one(stub: Stub, console: Console) -> None:
    stub.tell("POST keys/vk_1/rotate", MINTED)

    rotated = console("keys", "rotate", "vk_1", "--json")

    assert json.loads(rotated.out) == MINTED
    assert stub.last.body == {}


def test_the_list_goes_through_all_pages_and_says_which_keys_work(stub: Stub, console: Console) -> None:
    expired = {**KEY, "id": "vk_2", "expires_at": "2020-01-01T00:00:00Z"}
    stub.tell("GET keys?limit=200&team=search", {"data": [KEY, expired], "next": "more"})
    stub.tell("GET keys?limit=200&cursor=more&team=search", {"data": [{**KEY, "disabled": True}], "next": None})

    listed = console("keys", "list", "--team", "search")

    assert listed.code == 0
    assert listed.lines[0].split() == ["ID", "OWNER", "NAME", "ROLE", "SECRET", "USED", "EXPIRES", "STATE"]
    assert [line.split()[-1] for line in listed.lines[1:]] == ["active", "expired", "disabled"]


@pytest.mark.parametrize("verb", ["disable", "enable"])
def test_a_key_is_switched(stub: Stub, console: Console, verb: str) -> None:
    stub.tell(f"POST keys/vk_1/{verb}", {**KEY, "disabled": verb == "disable"})

    switched = console("keys", verb, "vk_1")

    assert switched.code == 0
    assert ("disabled" if verb == "disable" else "active") in switched.lines[-1]


def test_a_key_is_shown_and_deleted(stub: Stub, console: Console) -> None:
    stub.tell("GET keys/vk_1", KEY)
    stub.tell("DELETE keys/vk_1", None, 204)

    assert "teams/search" in console("keys", "show", "vk_1").out
    assert console("keys", "delete", "vk_1").code == 0
    assert (stub.last.method, stub.last.path) == ("DELETE", "/api/v1/keys/vk_1")


def test_a_secret_in_the_place_of_an_id_is_not_repeated(stub: Stub, console: Console) -> None:
    shown = console("keys", "show", "sk-oops")

    assert shown.code == 2
    assert "sk-oops" not in shown.err.replace("tollgate keys show", "")
    assert stub.asked == []


def test_an_answer_without_a_secret_is_a_failure(stub: Stub, console: Console) -> None:
    stub.tell("POST keys", KEY, 201)

    minted = console("keys", "mint", "--team", "search")

    assert (minted.code, minted.out) == (1, "")
    assert "lacks secret" in minted.err
