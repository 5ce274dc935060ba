"""The table, operation by operation: nobody without a key, nobody of another team, no secret in any answer."""

import re
from collections.abc import Mapping

import pytest

from shared.directory.model import Role
from shared.management.call import Operation
from shared.management.operations import DOCUMENT, operations
from tests.shared.management.bookkeeping import EXPORT
from tests.shared.management.office import ADMIN_A, ADMIN_B, AUDITOR, DEV_A, DEV_B, PEPPER, ROOT, Office, Reply

TABLE = operations(has_secrets=True)
MINTING = {"createKey", "rotateKey"}
ABOUT_ONESELF = {"setOwnLeaderboard"}

BOOKS = {
    "entry": "led_x",
    "period": "2025-11",
    "month": "2025-12",
    "run": "run_x",
    "file": "statement.csv",
    "channel": "ops",
    "queue": "alerts",
    "letter": "7",
}
"""What only people who see everything may ask for: none of it belongs to a team."""

THEIRS = {
    "area": "retail",
    "team": "a",
    "application": "app-a",
    "user": "user-a",
    "key": "vk_key-a",
    "policy": "pol_on-a",
    "budget": "bud_on-a",
    "name": "secret-a",
    **BOOKS,
}
NOBODYS = {
    "area": "nowhere",
    "team": "n",
    "application": "app-n",
    "user": "user-n",
    "key": "vk_key-n",
    "policy": "pol_on-n",
    "budget": "bud_on-n",
    "name": "secret-n",
    **BOOKS,
}
MARKS = [b"app-a", b"user-a", b"key-a", b"pol_on-a", b"pol_team-a", b"bud_on-a", b"4711", b"teams/a", b'"a"']


def body_for(operation: Operation, ids: Mapping[str, str]) -> object:
    """A body that the operation would take from somebody who may."""
    if operation.request is None:
        return None
    if operation.method == "PATCH":
        return {"name": "taken over"}
    team, owner = ids["team"], f"teams/{ids['team']}/applications/{ids['application']}"
    bodies: dict[str, object] = {
        "Organization": {"name": "taken over"},
        "Area": {} if operation.method == "PUT" else {"id": "fresh"},
        "Team": {} if operation.method == "PUT" else {"id": "fresh"},
        "Application": {} if operation.method == "PUT" else {"id": "fresh"},
        "User": {} if operation.method == "PUT" else {"id": "fresh"},
        "Key": {"owner": owner},
        "Policy": {"scope": f"keys/{ids['key']}"},
        "Budget": {"scope": f"teams/{team}/users/{ids['user']}", "amount": 1},
        "Rotation": {"grace_s": 0},
        "ExplainRequest": {"key": ids["key"], "endpoint": "chat.completions", "model": "gpt-4o"},
        "ApplyRequest": {"resources": {"teams": [{"id": team, "name": "taken over"}]}},
        "SecretValue": {"value": "hidden-value-of-a-secret"},
        "AdjustmentRequest": {
            "team": team,
            "at": "2025-12-01",
            "amount": "1",
            "reason": "a test",
            "idempotency_key": "adjust-once",
        },
        "RerateRequest": {"from": "2025-12-01", "to": "2025-12-02"},
        "Closing": {},
        "ReconcileRequest": {"month": "2026-01"},
        "ReportRequest": {"report": "monthly"},
        "DeliveryChoice": {"notice": "ntc_x", "channel": "ops"},
        "Correction": {"body": "{}"},
        "Replay": {},
        "ClassifyRequest": {"from": "2025-12-01", "to": "2025-12-02"},
        "OptIn": {"takes_part": True},
    }
    return bodies[operation.request.__name__]


QUERIES = {
    "getEntry": "?team={team}&at=2025-12-01T00:00:00Z",
    "listSessions": "?team={team}",
    "getScores": "?team={team}",
    "getBadges": "?team={team}",
}


async def perform(office: Office, operation: Operation, ids: Mapping[str, str], by: str | None) -> Reply:
    match = "*" if operation.if_match == "required" else None
    path = (operation.path + QUERIES.get(operation.name, "")).format_map(ids)
    if operation.takes:
        sent = {"content-type": operation.takes}
        return await office.call(operation.method, path, EXPORT, by=by, headers=sent)
    return await office.call(operation.method, path, body_for(operation, ids), by=by, match=match)


def normal(reply: Reply, ids: Mapping[str, str]) -> tuple[int, bytes]:
    """The answer without what differs anyway: the request's id, and the ids that were asked for."""
    text = re.sub(rb"req_[0-9A-Z]{26}", b"", reply.raw)
    if reply.status < 400:
        return reply.status, text
    for name, id in sorted(ids.items(), key=lambda item: -len(item[1])):
        for form in (rb"(?<=[/ \"'])%s(?=[/ .\"';:]|$)", rb"^%s$"):
            text = re.sub(form % re.escape(id.encode()), b"{%s}" % name.encode(), text)
    return reply.status, text


def state(office: Office) -> dict[object, object]:
    return dict(office.documents._versions)  # type: ignore[attr-defined]


def name_of(operation: Operation) -> str:
    return operation.name


def test_the_names_of_operations_differ_and_every_address_and_method_is_there_once() -> None:
    assert len({operation.name for operation in TABLE}) == len(TABLE)
    assert len({(operation.method, operation.path) for operation in TABLE}) == len(TABLE)


@pytest.mark.parametrize("operation", [row for row in TABLE if row is not DOCUMENT], ids=name_of)
@pytest.mark.parametrize("by", [None, "sk-unknown"])
async def test_nobody_without_a_known_key_does_anything(
    furnished: Office, operation: Operation, by: str | None
) -> None:
    before = state(furnished)

    answer = await perform(furnished, operation, THEIRS, by)

    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
    assert state(furnished) == before


@pytest.mark.parametrize("operation", TABLE, ids=name_of)
@pytest.mark.parametrize("by", [ADMIN_B, DEV_B])
async def test_team_b_can_neither_read_nor_change_nor_guess_anything_of_team_a(
    furnished: Office, operation: Operation, by: str
) -> None:
    before = state(furnished)

    theirs = await perform(furnished, operation, THEIRS, by)
    nobodys = await perform(furnished, operation, NOBODYS, by)

    assert normal(theirs, THEIRS) == normal(nobodys, NOBODYS)
    if operation is not DOCUMENT:
        said = b"" if theirs.status >= 400 else theirs.raw
        assert [mark for mark in MARKS if mark in said] == []
    if operation.name not in ABOUT_ONESELF:
        assert state(furnished) == before


LISTS = [
    "teams", "keys", "policies", "budgets", "audit", "alerts", "keys?team={team}", "keys?owner=teams/{team}/applications/{application}",
    "policies?scope=keys/{key}", "policies?scope=teams/{team}", "budgets?scope=teams/{team}/users/{user}",
    "audit?target=teams/{team}", "audit?target=keys/{key}", "audit?target=policies/{policy}", "effective-policy?key={key}",
    "teams/{team}/users?limit=1", "teams/{team}/applications?limit=1", "costs?team={team}", "costs/summary?team={team}",
    "costs?application={application}&group_by=team", "entries?team={team}", "entries?key={key}", "usage/latency?team={team}",
    "forecast?team={team}", "notices", "sessions?team={team}", "transformation/scores?team={team}",
    "transformation/teams?team={team}", "transformation/pull-requests?team={team}", "transformation/leaderboard",
    "transformation/badges?team={team}&user={user}",
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("by", [ADMIN_B, DEV_B])
async def test_no_list_and_no_filter_tells_team_b_of_team_a(furnished: Office, path: str, by: str) -> None:
    theirs = await furnished.call("GET", path.format_map(THEIRS), by=by)
    nobodys = await furnished.call("GET", path.format_map(NOBODYS), by=by)

    assert normal(theirs, THEIRS) == normal(nobodys, NOBODYS)
    said = b"" if theirs.status >= 400 else theirs.raw
    assert [mark for mark in MARKS if mark in said] == []


CREATIONS = [
    ("keys", {"owner": "teams/{team}"}, "owner"),
    ("keys", {"owner": "teams/{team}/users/{user}"}, "owner"),
    ("keys", {"id": "{key}", "owner": "teams/b"}, "id"),
    ("policies", {"scope": "teams/{team}"}, "scope"),
    ("policies", {"scope": "areas/{area}"}, "scope"),
    ("policies", {"id": "{policy}", "scope": "teams/b/users/user-b"}, "id"),
    ("budgets", {"scope": "keys/{key}", "amount": 1}, "scope"),
    ("budgets", {"id": "{budget}", "scope": "teams/b/users/user-b", "amount": 1}, "id"),
    ("teams/{team}/users", {"id": "x"}, "team"),
]


@pytest.mark.parametrize(("path", "body", "field"), CREATIONS)
async def test_what_team_b_creates_cannot_hang_on_team_a_nor_tell_of_it(
    furnished: Office, path: str, body: dict[str, object], field: str
) -> None:
    answers = []
    for ids in (THEIRS, NOBODYS):
        filled = {name: value.format_map(ids) if isinstance(value, str) else value for name, value in body.items()}
        answer = await furnished.call("POST", path.format_map(ids), filled, by=ADMIN_B)
        assert (answer.status, answer.fields) == (422, [field])
        answers.append(normal(answer, ids))

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("keys", {"owner": "teams/b"}),
        ("policies", {"scope": "keys/vk_key-b"}),
        ("budgets", {"scope": "keys/vk_key-b", "amount": 1}),
    ],
)
async def test_what_team_b_has_cannot_be_moved_over_to_team_a(
    furnished: Office, path: str, body: dict[str, object]
) -> None:
    address = f"{path}/{(await furnished.made(path, body, by=ADMIN_B)).json['id']}"
    field = "owner" if path == "keys" else "scope"
    for ids in (THEIRS, NOBODYS):
        owner = f"teams/{ids['team']}/applications/{ids['application']}"
        answer = await furnished.call("PATCH", address, {field: owner}, match="*", by=ADMIN_B)
        assert (answer.status, answer.fields) == (422, [field])


@pytest.mark.parametrize("operation", TABLE, ids=name_of)
@pytest.mark.parametrize(
    ("by", "role"),
    [(ROOT, Role.PLATFORM_ADMIN), (AUDITOR, Role.AUDITOR), (ADMIN_A, Role.TEAM_ADMIN), (DEV_A, Role.DEVELOPER)],
)
async def test_the_table_says_which_roles_may(furnished: Office, operation: Operation, by: str, role: Role) -> None:
    answer = await perform(furnished, operation, {**THEIRS, "application": "app-a"}, by)

    if role in operation.roles:
        assert answer.status not in (401, 405, 500)
    else:
        assert answer.status == 403


def test_an_auditor_changes_nothing_and_a_developer_sees_no_resource() -> None:
    by_auditor = {row.name for row in TABLE if row.method != "GET" and Role.AUDITOR in row.roles}
    by_developer = {row.name for row in TABLE if Role.DEVELOPER in row.roles}

    own_figures = {
        "getCosts", "getCostSummary", "getLatency", "getForecast", "listEntries", "getEntry", "listSessions", "getScores",
        "getLeaderboard", "getBadges", "setOwnLeaderboard",
    }  # fmt: skip
    assert by_auditor == {"explain", "setOwnLeaderboard"}
    assert by_developer == {"explain", "getMe", "getEffectivePolicy", "getOpenapi"} | own_figures


async def test_no_answer_holds_a_secret_a_digest_or_the_pepper(furnished: Office) -> None:
    answers: list[tuple[str, Reply]] = []
    secrets: list[str] = []
    for row in sorted(TABLE, key=lambda row: row.method == "DELETE"):
        for by in (ROOT, ADMIN_A):
            answer = await perform(furnished, row, THEIRS, by)
            answers.append((row.name, answer))
            if row.name in MINTING and answer.status < 300:
                secrets.append(answer.json["secret"])
    digests = [str(id[2]).partition("|")[2] for id in state(furnished) if str(id[2]).startswith("digest|")]

    assert len(secrets) == 4
    assert len(digests) >= 4
    assert all(answer.status < 500 for _, answer in answers)
    for name, answer in answers:
        said = answer.raw if name not in MINTING else re.sub(rb'"secret":"[^"]*"', b"", answer.raw)
        for hidden in (*digests, PEPPER.decode(), "hidden-value", *(secret[:8] for secret in secrets)):
            assert hidden.encode() not in said, name
        if b'"secret"' in answer.raw and answer.status < 300 and name != "getOpenapi":
            assert name in MINTING
            assert answer.headers["cache-control"] == "no-store"
