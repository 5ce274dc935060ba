"""What the portal is told, and what it is not."""

from datetime import date, timedelta

from shared.sessions.counting import day_of_sessions
from shared.sessions.model import Achievement, Label, SessionsConfig
from shared.sessions.service import SessionService
from shared.sessions.store import SessionStore
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.sessions.traces import NOON, session

TODAY = NOON.date()


class Office:
    """A store with sessions of people in teams."""

    def __init__(self) -> None:
        self.store = SessionStore(MemoryDocuments())
        self.service = SessionService(self.store, FakeClock(NOON), SessionsConfig(), "UTC")

    async def worked(self, team: str, day: date = TODAY, **people: str) -> None:
        """Note sessions by person: `ana="aai"` are two agentic ones and an interactive one."""
        labels = {"a": Label.AGENTIC, "i": Label.INTERACTIVE, "x": Label.AUTONOMOUS}
        sessions = [
            session(number, labels[letter], user, team, day=day)
            for user, letters in people.items()
            for number, letter in enumerate(letters)
        ]
        await self.store.replace_day(day_of_sessions(team, day, sessions), sessions)

    async def opt_in(self, team: str, *users: str | None) -> None:
        for user in users:
            await self.service.opt_in(team, user, is_in=True, actor="somebody")


async def test_a_person_sees_his_score_his_weeks_and_his_badges() -> None:
    office = Office()
    await office.worked("research", ana="aai", ben="iii")
    await office.worked("research", TODAY - timedelta(weeks=1), ana="a")
    await office.store.award("research", Achievement("ana", "four_weeks", NOON))
    profile = await office.service.profile("research", "ana")
    assert profile.counts["sessions"] == 4
    assert profile.score > 40
    assert (profile.streak_weeks, len(profile.weeks)) == (2, 12)
    assert [each.badge for each in profile.achievements] == ["four_weeks"]
    assert not profile.is_opted_in


async def test_who_never_called_has_an_empty_profile() -> None:
    profile = await Office().service.profile("research", "ana")
    assert (profile.score, profile.counts, profile.streak_weeks) == (0, {}, 0)


async def test_weeks_of_a_few_people_tell_only_that_they_were_few() -> None:
    office = Office()
    await office.worked("research", ana="a", ben="a", cyd="i")
    assert [(week.people, week.counts) for week in await office.service.adoption(["research"])][-1] == (0, {})
    await office.worked("other", dan="a", eve="i")
    (*_, week) = await office.service.adoption(["research", "other"])
    assert (week.people, week.adopters, week.counts["agentic"]) == (5, 3, 3)


async def test_people_are_rows_with_names_only_where_that_is_allowed() -> None:
    office = Office()
    await office.worked("research", ana="aaaaa", ben="aaaaa", cyd="iiiii")
    rows = await office.service.people("research", named=True)
    assert [(row.user, row.is_behind) for row in rows] == [("ana", False), ("ben", False), ("cyd", True)]
    assert {row.user for row in await office.service.people("research", named=False)} == {None}


async def test_of_a_small_team_there_is_nothing_but_its_name() -> None:
    office = Office()
    await office.worked("small", ana="a")
    await office.worked("large", **{f"p{number}": "aai" for number in range(5)})
    large, small = await office.service.team_summary(["small", "large"])
    assert (large.team, large.people, large.adopters) == ("large", 5, 5)
    assert (small.team, small.people, small.score, small.counts) == ("small", None, None, None)


async def test_a_team_far_below_the_others_is_behind() -> None:
    office = Office()
    for team, letters in (("one", "aaa"), ("two", "aaa"), ("three", "iii")):
        await office.worked(team, **{f"p{number}": letters for number in range(5)})
    behind = [row.team for row in await office.service.team_summary(["one", "two", "three"]) if row.is_behind]
    assert behind == ["three"]


async def test_leaderboards_hold_those_alone_who_want_to_be_seen() -> None:
    office = Office()
    await office.worked("research", **{f"p{number}": "a" * (number + 1) for number in range(6)})
    await office.worked("other", zoe="aaaaaaaa")
    await office.opt_in("other", "zoe")
    await office.opt_in("research", None, "p1", "p3")
    assert [place.user for place in await office.service.leaderboard(["research", "other"])] == ["p3", "p1"]
    assert await office.service.team_leaderboard(["research", "other"]) == []
    await office.opt_in("research", "p0", "p2", "p4")
    assert [place.team for place in await office.service.team_leaderboard(["research", "other"])] == ["research"]


async def test_the_score_of_a_team_is_not_shown_where_it_would_give_one_person_away() -> None:
    office = Office()
    await office.worked("research", **{f"p{number}": "aa" for number in range(6)})
    assert await office.service.team_score("research") is not None
    await office.opt_in("research", None, *(f"p{number}" for number in range(5)))
    assert await office.service.team_score("research") is None
    await office.opt_in("research", "p5")
    assert await office.service.team_score("research") is not None


async def test_sessions_are_listed_by_working_day() -> None:
    office = Office()
    await office.worked("research", ana="ai")
    today = Window("", NOON, NOON + timedelta(hours=1))
    assert len((await office.service.sessions("research", today, user="ana")).sessions) == 2
    assert (
        await office.service.sessions("research", Window("", NOON - timedelta(days=2), NOON - timedelta(days=1)))
    ).sessions == ()
