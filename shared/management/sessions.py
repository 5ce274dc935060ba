"""How much of the work agents do: sessions, scores, badges and leaderboards, each to whom they concern.

A developer sees the own figures, a team admin those of the own team's people, and everybody else groups without names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from shared.directory.model import Role
from shared.fields import Name, Strict, UserName
from shared.management.authority import READERS
from shared.management.call import Answer, Call
from shared.management.figures import money
from shared.management.ledger import books_of
from shared.management.paging import Cursors, page_of
from shared.management.problems import Absent, Conflict, Forbidden, invalid
from shared.management.requests import Paging
from shared.management.session_answers import (
    person_answer,
    place_answer,
    session_answer,
    team_answer,
    week_answer,
    work_answer,
)
from shared.management.spending import Moment, Span, list_window, window_of
from shared.management.view import visible
from shared.sessions.badges import BADGES
from shared.sessions.model import Session
from shared.sessions.pull_requests import costs_of, per_merge
from shared.sessions.score import Week
from shared.windows import Window

_LOOKED_BACK = (0, 28, 56, 83)


class Whose(Strict):
    team: Name | None = None
    user: UserName | None = None


class PeopleQuery(Strict):
    team: Name | None = None
    named: bool = False


class TeamChoice(Strict):
    team: Name | None = None


class SessionQuery(Paging, Span):
    team: Name | None = None
    user: UserName | None = None


class WorkQuery(Span):
    team: Name | None = None


class ClassifyRequest(Strict):
    """The days that are looked at; with `anew` also those that were counted already."""

    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    team: Name | None = None
    anew: bool = False


class OptIn(Strict):
    """Whether to be seen on leaderboards: a person is where both the person and the team want it."""

    takes_part: bool


@dataclass(frozen=True, slots=True)
class Focus:
    """Whose figures a caller asks for and may see; `user` None is everybody of the team."""

    team: str
    user: str | None


def focus_of(call: Call) -> Focus:
    """Raises Absent for a team or a person that the caller may not see, and Invalid where no team is named."""
    team, user = call.query.team, getattr(call.query, "user", None)
    caller = call.caller
    if call.caller.role is Role.DEVELOPER:
        own = own_user(call)
        if own is None or team not in (None, caller.team) or user not in (None, own):
            raise Absent("There is nobody of this name in your team whom you may see.")
        return Focus(caller.team, own)
    if caller.role is Role.TEAM_ADMIN:
        if team not in (None, caller.team):
            raise Absent(f"There is no teams/{team}.")
        return Focus(caller.team, user)
    if team is None:
        raise invalid("team", "must be given")
    if user is not None:
        raise Forbidden("Only who leads a team sees its people by name.")
    return Focus(team, None)


def own_user(call: Call) -> str | None:
    return call.caller.owner.partition("/users/")[2] or None


async def sessions(call: Call) -> Answer:
    focus, books = focus_of(call), books_of(call)
    window = list_window(call.query, call.parts.clock.now(), books.time_zone)
    named = call.caller.role not in READERS

    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Session], str | None]:
        page = await books.working.sessions.sessions(focus.team, window, user=focus.user, limit=limit, cursor=cursor)
        return page.sessions, page.cursor

    async def show(session: Session) -> dict[str, Any]:
        return session_answer(session, named=named)

    cursors = Cursors(call.parts.pepper, f"sessions {focus} {call.query.from_} {call.query.to}")
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


async def classify(call: Call) -> Answer:
    wanted = call.body
    window = window_of(wanted, call.parts.clock.now(), books_of(call).time_zone)
    if window.end - window.start > timedelta(days=100):
        raise invalid("from", "must be at most 100 days before the end")
    await call.parts.store.note(call.actor, "sessions.classify", "sessions", call.request_id)
    teams = None if wanted.team is None else [wanted.team]
    done = await books_of(call).working.classify(window, teams, anew=wanted.anew)
    return Answer(
        {
            "teams": done.teams,
            "days": done.days,
            "sessions": done.sessions,
            "badges": done.badges,
            "unfinished": list(done.unfinished),
        }
    )


async def scores(call: Call) -> Answer:
    """Answer with the caller himself or, to who leads the team, with its people: by name where names are asked for."""
    focus, working = focus_of(call), books_of(call).working
    if call.caller.role is Role.DEVELOPER:
        assert focus.user is not None
        profile = await working.sessions.profile(focus.team, focus.user)
        people = [person_answer(focus.user, profile.score, profile.counts, is_behind=False)]
        weeks: Sequence[Week] = profile.weeks
    else:
        if call.query.named and call.caller.role in READERS:
            raise Forbidden("Only who leads a team sees its people by name.")
        leads = call.caller.role is Role.TEAM_ADMIN
        rows = await working.sessions.people(focus.team, named=call.query.named) if leads else []
        people = [person_answer(row.user, row.score, row.counts, is_behind=row.is_behind) for row in rows]
        weeks = await working.sessions.adoption([focus.team])
    return Answer({"team": focus.team, "people": people, "weeks": [week_answer(week) for week in weeks]})


async def teams(call: Call) -> Answer:
    working = books_of(call).working
    if call.caller.role is Role.TEAM_ADMIN:
        if call.query.team not in (None, call.caller.team):
            raise Absent(f"There is no teams/{call.query.team}.")
        named = [call.caller.team]
    else:
        named = [call.query.team] if call.query.team else await _recent_teams(call)
    rows = await working.sessions.team_summary(named)
    return Answer({"teams": [team_answer(row, await working.sessions.adoption([row.team])) for row in rows]})


async def leaderboard(call: Call) -> Answer:
    """Rank those who want it: in the caller's own team, or for who reads everything in all."""
    service = books_of(call).working.sessions
    named = await _recent_teams(call) if call.caller.role in READERS else [call.caller.team]
    people, groups = await service.leaderboard(named), await service.team_leaderboard(named)
    return Answer(
        {"people": [place_answer(place) for place in people], "teams": [place_answer(place) for place in groups]}
    )


async def badges(call: Call) -> Answer:
    focus = focus_of(call)
    found = await books_of(call).working.store.achievements(focus.team, focus.user)
    told = [
        {
            "user": each.user,
            "badge": each.badge,
            "title": BADGES[each.badge].title if each.badge in BADGES else each.badge,
            "at": each.at.isoformat(),
        }
        for each in found
    ]
    return Answer({"badges": told})


async def pull_requests(call: Call) -> Answer:
    """Answer with what merged pull requests have cost, as far as the caller's teams paid for them."""
    books = books_of(call)
    window = list_window(call.query, call.parts.clock.now(), books.time_zone)
    asked = call.query.team
    if call.caller.role is Role.TEAM_ADMIN:
        if asked not in (None, call.caller.team):
            raise Absent(f"There is no teams/{asked}.")
        asked = call.caller.team
    paid = Window("", window.start - timedelta(days=90), window.end)
    with call.parts.turns.taken(call.caller.id):
        merged = await books.working.pull_requests.merged(window)
        costs = await costs_of(merged, books.ledger, paid, None if asked is None else [asked])
    shown = [each for each in costs if each.requests or asked is None]
    average = per_merge(shown)
    return Answer(
        {
            "currency": books.currency,
            "per_merge": None if average is None else money(average),
            "pull_requests": [work_answer(each) for each in shown[:1000]],
        }
    )


async def opt_in(call: Call) -> Answer:
    user = own_user(call)
    if user is None:
        raise Conflict("Only users can say that, with keys of their own; this key belongs to something else.")
    return await _opt(call, call.caller.team, user)


async def team_opt_in(call: Call) -> Answer:
    team = call.path["team"]
    if call.caller.role is Role.TEAM_ADMIN and team != call.caller.team:
        raise Absent(f"There is no teams/{team}.")
    await visible(call.parts, call.authority, f"teams/{team}")
    return await _opt(call, team, None)


async def _opt(call: Call, team: str, user: str | None) -> Answer:
    """Note a choice. Raises Conflict where a key would overturn what the person said with a token.

    Whoever leads a team can make keys in its people's names; an access token of Entra ID is the person's alone.
    """
    service, is_in = books_of(call).working.sessions, call.body.takes_part
    if user and call.is_key and await service.was_said_in_person(team, user):
        raise Conflict("The person has decided that with an access token; only with one can it be decided anew.")
    board = f"leaderboards/{team}/{user}" if user else f"leaderboards/{team}"
    await call.parts.store.note(call.actor, "leaderboard.opt", board, call.request_id)
    await service.opt_in(team, user, is_in=is_in, actor=call.caller.id, in_person=not call.is_key)
    return Answer({"scope": f"teams/{team}/users/{user}" if user else f"teams/{team}", "takes_part": is_in})


async def _recent_teams(call: Call) -> list[str]:
    ledger, now = books_of(call).ledger, call.parts.clock.now()
    months = {f"{now - timedelta(days=back):%Y-%m}" for back in _LOOKED_BACK}
    return sorted({team for month in months for team in await ledger.teams(month)})
