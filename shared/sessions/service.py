"""What the portal asks of sessions. Who may ask is decided by the caller: every method names the teams and people that it speaks of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from shared.clock import Clock
from shared.sessions.badges import BADGES
from shared.sessions.leaderboards import Place, board_of_people, board_of_teams, may_show
from shared.sessions.model import Achievement, Badge, Counts, Day, Label, Session, SessionsConfig
from shared.sessions.runs import day_of
from shared.sessions.score import (
    CURRENT_WEEKS,
    WEEKS,
    Week,
    current,
    laggards,
    monday_of,
    people_of,
    score_of,
    streak,
    weeks_of,
)
from shared.sessions.store import SessionPage, SessionStore
from shared.windows import Window


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person sees of himself. `badges` are all there are; `achievements` those that were earned."""

    team: str
    user: str
    score: int
    counts: Counts
    weeks: tuple[Week, ...]
    streak_weeks: int
    achievements: tuple[Achievement, ...]
    badges: tuple[Badge, ...]
    is_opted_in: bool
    team_is_opted_in: bool


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person in the last four weeks; `user` is None where names are not to be shown."""

    team: str
    user: str | None
    score: int
    counts: Counts
    is_behind: bool


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team in the last four weeks. Of a group too small to hide in there is nothing but its name."""

    team: str
    people: int | None = None
    adopters: int | None = None
    score: int | None = None
    counts: Counts | None = None
    is_behind: bool = False


class SessionService:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: SessionStore, clock: Clock, config: SessionsConfig, time_zone: str) -> None:
        self._store, self._clock, self._config = store, clock, config
        self._zone = ZoneInfo(time_zone)

    async def sessions(
        self,
        team: str,
        window: Window,
        *,
        user: str | None = None,
        label: Label | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> SessionPage:
        """Return a page of a team's sessions that began in a window of whole days, newest first."""
        first, last = day_of(window.start, self._zone), day_of(window.end - timedelta(microseconds=1), self._zone)
        return await self._store.page(team, first, last, user=user, label=label, limit=limit, cursor=cursor)

    async def session(self, team: str, id: str) -> Session | None:
        return await self._store.session(team, id)

    async def adoption(self, teams: Collection[str], weeks: int = WEEKS) -> list[Week]:
        """Return the weekly course of teams taken together; a week with too few people tells only that there were few."""
        course = weeks_of(await self._days(teams, weeks), self._today(), weeks)
        return [week if week.people >= self._config.smallest_group else _hidden(week) for week in course]

    async def profile(self, team: str, user: str) -> Profile:
        """Return what a person may see of himself."""
        days = await self._days([team], WEEKS)
        weeks = weeks_of(days, self._today(), user=user)
        counts = people_of(current(days, self._today())).get((team, user), {})
        return Profile(
            team=team,
            user=user,
            score=score_of(counts),
            counts=counts,
            weeks=tuple(weeks),
            streak_weeks=streak(weeks),
            achievements=tuple(await self._store.achievements(team, user)),
            badges=tuple(BADGES.values()),
            is_opted_in=await self._store.choice(team, user),
            team_is_opted_in=await self._store.choice(team, None),
        )

    async def people(self, team: str, *, named: bool) -> list[PersonRow]:
        """Return a team's people for who leads it, by name where that is allowed. Behind is who is far below the median of the team."""
        people = people_of(current(await self._days([team], CURRENT_WEEKS), self._today()))
        scores = {who: (score_of(counts), counts.get("sessions", 0)) for who, counts in people.items()}
        behind = laggards(scores, self._config.laggard_points)
        rows = [
            PersonRow(team, who[1] if named else None, scores[who][0], counts, who in behind)
            for who, counts in people.items()
        ]
        return sorted(rows, key=lambda row: (-row.score, row.user or ""))

    async def team_summary(self, teams: Collection[str]) -> list[TeamRow]:
        """Return teams side by side, for who may see them all. Behind is whose score is far below the median of the teams."""
        days = current(await self._days(teams, CURRENT_WEEKS), self._today())
        weeks = {team: self._sum([day for day in days if day.team == team]) for team in teams}
        large = {team: week for team, week in weeks.items() if week.people >= self._config.smallest_group}
        scores = {team: (week.score, week.counts.get("sessions", 0)) for team, week in large.items()}
        behind = laggards(scores, self._config.laggard_points)
        return [
            TeamRow(team, week.people, week.adopters, week.score, week.counts, team in behind)
            if (week := large.get(team))
            else TeamRow(team)
            for team in sorted(teams)
        ]

    async def opt_in(self, team: str, user: str | None, *, is_in: bool, actor: str, in_person: bool = False) -> None:
        """Note the choice of a person, or of a team (`user` None), which its admin makes.

        `in_person`: it was made with what only the person has, and not with a key that another may have made.
        """
        at = self._clock.now()
        await self._store.set_opt_in(team, user, is_in=is_in, actor=actor, at=at, in_person=in_person)

    async def was_said_in_person(self, team: str, user: str) -> bool:
        return await self._store.was_said_in_person(team, user)

    async def leaderboard(self, teams: Collection[str]) -> list[Place]:
        """Rank the people of one team, or of many, who want to be seen."""
        return board_of_people(await self._current_people(teams), await self._opted_in(teams))

    async def team_leaderboard(self, teams: Collection[str]) -> list[Place]:
        """Rank the teams that want to be seen, by those of their members who do."""
        people, opted_in = await self._current_people(teams), await self._opted_in(teams)
        return board_of_teams(people, opted_in, self._config.smallest_group)

    async def team_score(self, team: str) -> int | None:
        """Return a team's score for its own members; None where it would tell of somebody who does not want to be seen."""
        people = await self._current_people([team])
        opted_in = (await self._opted_in([team])).get(team, frozenset())
        known = sum(1 for _, user in people if user in opted_in)
        if not may_show(len(people), known, self._config.smallest_group):
            return None
        return self._sum(current(await self._days([team], CURRENT_WEEKS), self._today())).score

    def _sum(self, days: Sequence[Day]) -> Week:
        """Everything in some days as if it were one week."""
        whole = [Day(day.team, monday_of(self._today()), day.people) for day in sorted(days, key=lambda day: day.day)]
        return weeks_of(whole, self._today(), 1)[0]

    async def _current_people(self, teams: Collection[str]) -> dict[tuple[str, str], dict[str, int]]:
        return people_of(current(await self._days(teams, CURRENT_WEEKS), self._today()))

    async def _opted_in(self, teams: Collection[str]) -> dict[str, frozenset[str]]:
        found = {team: await self._store.opted_in(team) for team in sorted(teams)}
        return {team: users for team, users in found.items() if users is not None}

    async def _days(self, teams: Collection[str], weeks: int) -> list[Day]:
        first = monday_of(self._today()) - timedelta(weeks=weeks - 1)
        return [day for team in sorted(teams) for day in await self._store.days(team, first, self._today())]

    def _today(self) -> date:
        return day_of(self._clock.now(), self._zone)


def _hidden(week: Week) -> Week:
    return Week(week.id, week.start, {}, 0, 0, 0)
