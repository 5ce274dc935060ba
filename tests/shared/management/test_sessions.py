"""How agentic the work is, told to whom it concerns: oneself, who leads the team, and everybody else without names."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from shared.audit.model import Actor
from shared.sessions.counting import day_of_sessions
from shared.sessions.model import Achievement, Label, Session, Verdict
from tests.shared.management.bookkeeping import NOON
from tests.shared.management.office import ADMIN_A, ADMIN_B, AUDITOR, DEV_A, DEV_B, ROOT, Office

DAY = NOON.date()


def session(team: str, user: str, number: int, label: Label = Label.AGENTIC, day: date = DAY) -> Session:
    at = NOON + timedelta(minutes=number)
    return Session(
        id=f"ses_{day:%Y%m%d}_{number:012x}_{team}", team=team, day=day, start=at, end=at, user=user, key=f"vk_{user}",
        application=None, source="header", calls=10, turns=1, tool_calls=9, tool_results=9, longest_stretch=9, tokens=100,
        cost=5 * 10**8, models=("gpt-4o",), agent="codex", work=f"pr=x#{number}", continues=False,
        verdict=Verdict(label, 900, {}, 1),
    )  # fmt: skip


@pytest.fixture
async def worked(office: Office) -> Office:
    """Six people of team a and one of team b, with a session each."""
    office.clock.set(NOON + timedelta(hours=2))
    store = office.bookkeeping.books.working.store
    for team, users in (("a", ["ada", "bob", "cy", "di", "eve", "fred"]), ("b", ["dev"])):
        sessions = [session(team, user, number) for number, user in enumerate(users)]
        await store.replace_day(day_of_sessions(team, DAY, sessions), sessions)
        await office.bookkeeping.spend(team, NOON)
    await store.award("b", Achievement("dev", "first_mover", NOON))
    return office


async def read(office: Office, path: str, by: str) -> Any:
    answer = await office.call("GET", path, by=by)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_a_developer_sees_the_own_sessions_and_score(worked: Office) -> None:
    sessions = (await read(worked, "sessions", DEV_B))["data"]
    scores = await read(worked, "transformation/scores", DEV_B)
    badges = (await read(worked, "transformation/badges", DEV_B))["badges"]

    assert [(each["user"], each["label"], each["cost"]) for each in sessions] == [("dev", "agentic", "0.5")]
    assert [(each["user"], each["agentic"]) for each in scores["people"]] == [("dev", 1)]
    assert scores["weeks"][-1]["sessions"] == 1
    assert [(each["user"], each["title"]) for each in badges] == [("dev", "First mover")]


async def test_a_key_without_a_person_has_no_sessions_of_its_own(worked: Office) -> None:
    for path in ("sessions", "transformation/scores", "transformation/badges"):
        assert (await worked.call("GET", path, by=DEV_A)).status == 404


async def test_who_leads_a_team_sees_its_people_by_name_where_names_are_asked_for(worked: Office) -> None:
    plain = await read(worked, "transformation/scores", ADMIN_A)
    named = await read(worked, "transformation/scores?named=true", ADMIN_A)

    assert {each["user"] for each in plain["people"]} == {None}
    assert {each["user"] for each in named["people"]} == {"ada", "bob", "cy", "di", "eve", "fred"}
    assert [each["user"] for each in await worked.items("sessions?limit=4", by=ADMIN_A)] == [
        "fred", "eve", "di", "cy", "bob", "ada",
    ]  # fmt: skip
    assert [each["user"] for each in await worked.items("sessions?user=ada", by=ADMIN_A)] == ["ada"]


async def test_everybody_else_sees_groups(worked: Office) -> None:
    teams = (await read(worked, "transformation/teams", AUDITOR))["teams"]
    scores = await read(worked, "transformation/scores?team=a", AUDITOR)
    sessions = await worked.items("sessions?team=a", by=ROOT)

    assert [(team["team"], team["people"]) for team in teams] == [("a", 6), ("b", None)]
    assert teams[0]["score"] > 0
    assert scores["people"] == []
    assert {(each["user"], each["key"], each["work"]) for each in sessions} == {(None, None, None)}
    for path in ("sessions?team=a&user=ada", "transformation/scores?team=a&named=true"):
        assert (await worked.call("GET", path, by=ROOT)).status == 403
    assert (await worked.call("GET", "sessions", by=ROOT)).fields == ["team"]


@pytest.mark.parametrize("path", ["sessions", "transformation/scores", "transformation/badges", "transformation/teams"])
async def test_other_teams_do_not_exist(worked: Office, path: str) -> None:
    assert (await worked.call("GET", f"{path}?team=a", by=ADMIN_B)).status == 404


async def test_on_a_leaderboard_stands_who_wants_to_in_a_team_that_does(worked: Office) -> None:
    async def people() -> list[tuple[str, str]]:
        board = await read(worked, "transformation/leaderboard", AUDITOR)
        return [(place["team"], place["user"]) for place in board["people"]]

    await worked.made("teams", {"id": "b"})
    nobody = await people()
    alone = await worked.call("PUT", "me/leaderboard", {"takes_part": True}, by=DEV_B)
    without_team = await people()
    await worked.call("PUT", "teams/b/leaderboard", {"takes_part": True}, by=ADMIN_B)
    both = await people()
    await worked.call("PUT", "me/leaderboard", {"takes_part": False}, by=DEV_B)

    assert alone.json == {"scope": "teams/b/users/dev", "takes_part": True}
    assert (nobody, without_team, both, await people()) == ([], [], [("b", "dev")], [])
    (entry,) = (await worked.call("GET", "audit?limit=1")).json["data"]
    assert (entry["action"], entry["target"]) == ("leaderboard.opt", "leaderboards/b/dev")


async def test_nobody_opts_in_for_others(worked: Office) -> None:
    assert (await worked.call("PUT", "me/leaderboard", {"takes_part": True}, by=DEV_A)).status == 409
    assert (await worked.call("PUT", "teams/a/leaderboard", {"takes_part": True}, by=ADMIN_B)).status == 404
    assert (await worked.call("PUT", "teams/b/leaderboard", {"takes_part": True}, by=DEV_B)).status == 403


async def test_days_are_counted_again_on_demand(worked: Office) -> None:
    body = {"from": "2026-03-10", "to": "2026-03-11", "team": "a", "anew": True}

    counted = await worked.call("POST", "transformation/classify", body)

    assert (counted.status, counted.json["teams"], counted.json["days"]) == (200, 1, 1)
    long_ago = {"from": "2025-03-10", "to": "2026-03-11"}
    assert (await worked.call("POST", "transformation/classify", long_ago)).fields == ["from"]
    assert (await worked.call("POST", "transformation/classify", body, by=ADMIN_A)).status == 403


async def test_a_merged_pull_request_tells_what_it_cost(worked: Office) -> None:
    pull_request = {
        "number": 7, "merged": True, "merged_at": "2026-03-10T12:30:00Z", "closed_at": "2026-03-10T12:30:00Z",
        "created_at": "2026-03-09T12:00:00Z", "updated_at": "2026-03-10T12:30:00Z", "user": {"login": "ada"},
        "head": {"ref": "fix", "sha": "0" * 40, "repo": {"full_name": "acme/search"}},
    }  # fmt: skip
    event = {"action": "closed", "pull_request": pull_request, "repository": {"full_name": "acme/search"}}
    await worked.bookkeeping.books.working.pull_requests.accept("d-1", event)  # type: ignore[attr-defined]
    await worked.bookkeeping.spend("a", NOON, 3 * 10**9, tags=("pr=acme/search#7",))

    found = await read(worked, "transformation/pull-requests", ADMIN_A)
    others = await read(worked, "transformation/pull-requests", ADMIN_B)

    assert (found["per_merge"], found["pull_requests"][0]["cost"]) == ("3", "3")
    assert others["pull_requests"] == []


async def test_a_team_that_is_not_there_has_no_leaderboard(office: Office) -> None:
    answer = await office.call("PUT", "teams/nosuch/leaderboard", {"takes_part": True})

    assert answer.status == 404


async def test_a_key_cannot_overturn_what_the_person_said_with_a_token(office: Office) -> None:
    by_key = office.people.known[DEV_B]
    office.people.known["dev-token"] = replace(by_key, kind="entra")
    wanted, unwanted = {"takes_part": True}, {"takes_part": False}

    assert (await office.call("PUT", "me/leaderboard", wanted, by=DEV_B)).status == 200
    assert (await office.call("PUT", "me/leaderboard", unwanted, by="dev-token")).status == 200
    assert (await office.call("PUT", "me/leaderboard", wanted, by=DEV_B)).status == 409
    assert await office.bookkeeping.books.working.store.choice("b", "dev") is False
    assert (await office.call("PUT", "me/leaderboard", wanted, by="dev-token")).status == 200
    assert await office.bookkeeping.books.working.store.choice("b", "dev") is True


async def test_what_is_done_beside_the_directory_never_looks_like_tampering(office: Office) -> None:
    await office.furnish()
    await office.made("teams/b/users", {"id": "dev"})
    await office.call("PUT", "me/leaderboard", {"takes_part": True}, by=DEV_B)
    await office.call("PUT", "teams/b/leaderboard", {"takes_part": True}, by=ADMIN_B)
    for number in range(12):
        # Older logs have notes at the addresses of resources.
        await office.store.note(Actor("root", "operator"), "console.sign_in", "keys/vk_key-a", f"req_{number}")
    await office.store.note(Actor("root", "operator"), "leaderboard.opt", "teams/b")

    answer = await office.call("GET", "audit/verify")

    assert answer.json["ok"] is True
    await office.documents.delete("directory", "organization", "keys|vk_key-a")
    assert (await office.call("GET", "audit/verify")).json["ok"] is False


async def test_who_reads_every_ledger_is_not_told_of_sessions(office: Office) -> None:
    office.clock.set(NOON + timedelta(hours=1))
    entry = await office.bookkeeping.spend("a", NOON)
    await office.bookkeeping.ledger.post([replace(entry, id="led_req_s", event="req_s", session="s" * 24)])

    told = {by: {each["session"] for each in await office.items("entries", by=by)} for by in (AUDITOR, ADMIN_A)}

    assert told == {AUDITOR: {None}, ADMIN_A: {None, "s" * 24}}
