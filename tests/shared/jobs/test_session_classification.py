"""From usage events in the ledger to sessions, again and again."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.documents import DocumentStore, StoreUnavailable
from shared.ids import new_id
from shared.jobs.session_classification import Classification
from shared.ledger.model import Dimensions, Entry, EntryType
from shared.ledger.service import LedgerService
from shared.sessions.model import Label, Session
from shared.sessions.store import SessionStore
from shared.usage.model import Attribution, Outcome, Source, Timings, TokenUsage, Trace, Usage, UsageEvent
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.sessions.traces import NOON
from tests.shared.watched_documents import Dying, port

DAY = NOON.date()


class Ledger:
    """A ledger that calls are posted to, and the job on it."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOON + timedelta(hours=8))
        self.documents = MemoryDocuments(self.clock)
        self.service = LedgerService(self.documents, self.clock, time_zone="Europe/Berlin")

    def job(self, documents: DocumentStore | None = None) -> Classification:
        return Classification(documents or self.documents, self.clock, "Europe/Berlin")

    async def post(self, *calls: UsageEvent, cost: int = 5) -> None:
        entries = [
            Entry(
                f"led_{call.id}", call.started_at, self.clock.now(), Dimensions(call.attribution.team, user=call.attribution.user),
                {"requests": 1}, event=call.id, cost=cost,
            )
            for call in calls
        ]  # fmt: skip
        await self.service.post(entries, [call.to_json() for call in calls])

    async def sessions(self, team: str = "research", days: int = 0) -> list[Session]:
        page = await SessionStore(self.documents).page(team, DAY - timedelta(days=days), DAY)
        return [*reversed(page.sessions)]


def call(minutes: float, *, user: str | None = "ana", team: str = "research", **more: Any) -> UsageEvent:
    at = NOON + timedelta(minutes=minutes)
    trace = more.pop(
        "trace", Trace(session="d1", source="session-id", agent="codex", turns=1, tools=9, tool_results=0, tool_calls=1)
    )
    known: dict[str, Any] = {
        "id": new_id("req", at), "started_at": at, "endpoint": "responses", "attribution": Attribution(team=team, key="vk_a", user=user),
        "status": 200, "outcome": Outcome.COMPLETED, "usage": Usage(TokenUsage(input_fresh=10), source=Source.PROVIDER),
        "timings": Timings(5, 900), "trace": trace,
    }  # fmt: skip
    return UsageEvent(**(known | more))


def agentic(start: float = 0, **more: Any) -> list[UsageEvent]:
    """A person who directs an agent: three orders, four calls for each."""
    told = [(turns, 4 * turns + results) for turns in (1, 2, 3) for results in range(4)]
    base = Trace(session="d1", source="session-id", agent="codex", tools=9, tool_calls=1)
    return [
        call(start + number / 10 + 3 * turns, trace=replace(base, turns=turns, tool_results=results), **more)
        for number, (turns, results) in enumerate(told)
    ]


async def test_calls_become_a_classified_session() -> None:
    ledger = Ledger()
    await ledger.post(*agentic(), cost=7)
    done = await ledger.job().run()
    (session,) = await ledger.sessions()
    assert (session.calls, session.turns, session.tokens, session.cost) == (12, 3, 120, 84)
    assert (session.label, session.agent, session.user) == (Label.AGENTIC, "codex", "ana")
    assert (done.teams, done.days, done.sessions, done.unfinished) == (1, 1, 1, ())


async def test_running_again_finds_nothing_to_do() -> None:
    ledger = Ledger()
    await ledger.post(*agentic())
    await ledger.job().run()
    assert (await ledger.job().run()).days == 0


async def test_counting_anew_gives_the_same_sessions() -> None:
    ledger = Ledger()
    await ledger.post(*agentic(), *agentic(60, user="ben"))
    await ledger.job().run()
    before = await ledger.sessions()
    await ledger.job().classify(Window("", NOON, NOON + timedelta(hours=1)), ["research"], anew=True)
    assert await ledger.sessions() == before


async def test_a_session_goes_on_with_the_next_run() -> None:
    ledger = Ledger()
    first, second = agentic()[:6], agentic()[6:]
    await ledger.post(*first)
    await ledger.job().run()
    (before,) = await ledger.sessions()
    await ledger.post(*second)
    ledger.clock.advance(900)
    await ledger.job().run()
    (after,) = await ledger.sessions()
    assert (after.id, after.calls) == (before.id, 12)


async def test_late_events_are_noticed_and_put_where_they_belong() -> None:
    ledger = Ledger()
    calls = agentic(-2 * 24 * 60)
    await ledger.post(*calls[3:])
    await ledger.job().run()
    await ledger.post(*calls[:3])
    ledger.clock.advance(900)
    await ledger.job().run()
    (session,) = await ledger.sessions(days=2)
    assert (session.calls, session.start) == (12, calls[0].started_at.replace(microsecond=0))


async def test_what_a_response_used_in_the_background_counts_for_its_session() -> None:
    ledger = Ledger()
    begun = call(0, object_id="resp_1", usage=Usage(source=Source.PENDING))
    late = call(0.01, object_id="resp_1", id="late_resp_1", trace=Trace())
    await ledger.post(begun, cost=0)
    await ledger.post(late, cost=99)
    await ledger.job().run()
    (session,) = await ledger.sessions()
    assert (session.calls, session.tokens, session.cost) == (1, 10, 99)


async def test_a_corrected_price_corrects_the_cost() -> None:
    ledger = Ledger()
    used = call(0)
    await ledger.post(used, cost=5)
    entry = f"led_{used.id}"
    correction = Entry(
        f"adj_{entry}_0a1b",
        used.started_at,
        NOON,
        Dimensions("research", EntryType.ADJUSTMENT),
        {},
        cost=-2,
        adjusts=entry,
        reason="price",
    )
    await ledger.service.post([correction])
    await ledger.job().run()
    assert [session.cost for session in await ledger.sessions()] == [3]


async def test_sessions_over_midnight_at_the_end_of_a_month_are_one() -> None:
    ledger = Ledger()
    midnight = datetime(2026, 12, 1, tzinfo=NOON.tzinfo)
    minutes = (midnight - NOON).total_seconds() / 60
    await ledger.post(call(minutes - 5), call(minutes + 5))
    ledger.clock.set(midnight + timedelta(hours=1))
    await ledger.job().run()
    page = await SessionStore(ledger.documents).page("research", DAY, midnight.date())
    assert [(session.calls, session.day.isoformat()) for session in page.sessions] == [(2, "2026-11-30")]


async def test_a_day_too_large_for_memory_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    await ledger.post(*agentic())
    monkeypatch.setattr("shared.jobs.session_classification.SLICE", 1)
    await ledger.job().run()
    assert [session.calls for session in await ledger.sessions()] == [12]


async def test_badges_come_with_the_sessions_and_come_once() -> None:
    ledger = Ledger()
    await ledger.post(*agentic())
    assert (await ledger.job().run()).badges == 2
    await ledger.post(*agentic(120, user="ben"))
    ledger.clock.advance(900)
    await ledger.job().run()
    earned = {(each.user, each.badge) for each in await SessionStore(ledger.documents).achievements("research")}
    assert earned == {("ana", "first_agentic_session"), ("ana", "first_mover"), ("ben", "first_agentic_session")}


async def test_teams_that_the_time_did_not_suffice_for_are_named_and_found_again() -> None:
    ledger = Ledger()
    await ledger.post(*agentic(), *agentic(team="other"))
    assert set((await ledger.job().run(budget_s=0)).unfinished) == {"research", "other"}
    assert (await ledger.job().run()).teams == 2


@pytest.mark.parametrize("carries_out", [True, False])
@pytest.mark.parametrize("at", [2, 5, 8, 10, 12, 14, 16])
async def test_a_run_that_was_killed_is_made_good_by_the_next(at: int, carries_out: bool) -> None:
    ledger = Ledger()
    await ledger.post(*agentic(), *agentic(60, user="ben"))
    try:
        await ledger.job(port(Dying(ledger.documents, at, carries_out=carries_out))).run()
    except StoreUnavailable:
        await ledger.job().run()
    assert [session.calls for session in await ledger.sessions()] == [12, 12]


async def test_sessions_are_told_once_however_often_a_day_is_counted() -> None:
    ledger, told = Ledger(), list[tuple[str, int]]()

    def tell(instrument: object, value: int, label: str) -> None:
        told.append((label, value))

    for calls in (agentic()[:6], agentic()[6:], agentic(120, user="ben")):
        await ledger.post(*calls)
        ledger.clock.advance(900)
        await Classification(ledger.documents, ledger.clock, "Europe/Berlin", tell).run()

    labels = [session.label.value for session in await ledger.sessions()]
    assert sum(value for _, value in told) == len(labels) == 2
    assert {label for label, _ in told} == set(labels)
