"""Sessions as documents."""

from dataclasses import replace

import pytest

from shared.documents import StoreUnavailable
from shared.sessions.counting import day_of_sessions
from shared.sessions.model import Achievement, Label, Session
from shared.sessions.store import SessionStore
from tests.fakes import MemoryDocuments
from tests.shared.sessions.traces import NOON, session
from tests.shared.watched_documents import Dying, port

TODAY = NOON.date()


async def _keep(store: SessionStore, *sessions: Session, team: str = "research") -> int:
    return await store.replace_day(day_of_sessions(team, TODAY, sessions), sessions)


async def _ids(store: SessionStore, team: str = "research") -> list[str]:
    return [each.id for each in (await store.page(team, TODAY, TODAY)).sessions]


async def test_a_session_comes_back_as_it_was() -> None:
    store, kept = SessionStore(MemoryDocuments()), session(1, work="pr=acme/api#12")
    await _keep(store, kept)
    assert await store.session("research", kept.id) == kept


async def test_a_session_of_another_team_is_not_there() -> None:
    store, kept = SessionStore(MemoryDocuments()), session(1)
    await _keep(store, kept)
    assert await store.session("other", kept.id) is None


async def test_nothing_but_sessions_is_found_as_a_session() -> None:
    store = SessionStore(MemoryDocuments())
    await _keep(store, session(1))
    assert await store.session("research", f"day_{TODAY.isoformat()}") is None


async def test_writing_the_same_again_changes_nothing() -> None:
    store = SessionStore(MemoryDocuments())
    sessions = [session(number) for number in range(150)]
    assert await _keep(store, *sessions) == 150
    assert await _keep(store, *sessions) == 0


async def test_what_is_found_no_more_goes() -> None:
    store = SessionStore(MemoryDocuments())
    await _keep(store, session(1), session(2))
    await _keep(store, session(2), session(3))
    assert await _ids(store) == [session(3).id, session(2).id]


async def test_pages_are_newest_first_and_can_be_filtered() -> None:
    store = SessionStore(MemoryDocuments())
    await _keep(store, session(1), session(2, user="ben"), session(3, Label.INTERACTIVE), session(4))
    first = await store.page("research", TODAY, TODAY, user="ana", limit=2)
    rest = await store.page("research", TODAY, TODAY, user="ana", limit=2, cursor=first.cursor)
    assert [each.start for each in (*first.sessions, *rest.sessions)] == [session(number).start for number in (4, 3, 1)]
    assert len((await store.page("research", TODAY, TODAY, label=Label.INTERACTIVE)).sessions) == 1


async def test_days_come_back_with_what_they_count() -> None:
    store = SessionStore(MemoryDocuments())
    day = replace(day_of_sessions("research", TODAY, [session(1), session(2, user=None)]), entries=20, at=NOON)
    await store.replace_day(day, [])
    assert await store.days("research", TODAY, TODAY) == [day]
    assert await store.day("research", TODAY) == day


async def test_a_badge_is_earned_once() -> None:
    store, badge = SessionStore(MemoryDocuments()), Achievement("ana", "four_weeks", NOON)
    assert await store.award("research", badge)
    assert not await store.award("research", replace(badge, at=NOON.replace(hour=13)))
    assert await store.achievements("research", "ana") == [badge]
    assert await store.achievements("research", "ben") == []


async def test_nobody_is_on_a_board_without_having_said_so() -> None:
    store = SessionStore(MemoryDocuments())
    await store.set_opt_in("research", "ana", is_in=True, actor="ana", at=NOON)
    assert await store.opted_in("research") is None
    await store.set_opt_in("research", None, is_in=True, actor="admin", at=NOON)
    assert await store.opted_in("research") == {"ana"}
    await store.set_opt_in("research", "ana", is_in=False, actor="ana", at=NOON)
    assert await store.opted_in("research") == frozenset()
    assert (await store.choice("research", None), await store.choice("research", "ana")) == (True, False)


@pytest.mark.parametrize("carries_out", [True, False])
@pytest.mark.parametrize("at", range(1, 6))
async def test_a_day_that_was_interrupted_is_whole_after_the_next_try(at: int, carries_out: bool) -> None:
    documents = MemoryDocuments()
    await _keep(SessionStore(documents), session(1), session(2))
    wanted = [session(number) for number in range(2, 152)]
    try:
        await _keep(SessionStore(port(Dying(documents, at, carries_out=carries_out))), *wanted)
    except StoreUnavailable:
        await _keep(SessionStore(documents), *wanted)
    assert len(await _ids(SessionStore(documents))) == 100
    day = await SessionStore(documents).day("research", TODAY)
    assert day is not None
    assert day.people["ana"]["sessions"] == 150
