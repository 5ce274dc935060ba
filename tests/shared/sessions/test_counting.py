"""Days are sums of sessions, whatever they are added up from."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.sessions.counting import day_of_sessions, joined, session_of
from shared.sessions.model import Label, Session
from tests.shared.sessions.traces import NOON, runs_of, session, step


def test_the_id_of_a_session_sorts_by_time_and_says_nothing_else() -> None:
    first, second = (session_of("research", tally) for tally in runs_of(step(0), step(120)))
    assert first.id < second.id
    assert first.id.startswith("ses_20261118_")
    assert "ana" not in first.id


def test_a_run_found_again_with_more_calls_keeps_its_id() -> None:
    (before,), (after,) = runs_of(step(0)), runs_of(step(0), step(5))
    assert session_of("research", before).id == session_of("research", after).id


def test_what_was_cut_off_by_the_day_costs_but_is_no_session_of_its_own() -> None:
    day = day_of_sessions("research", NOON.date(), [session(0), session(1, continues=True)])
    assert (day.people["ana"]["sessions"], day.people["ana"]["calls"], day.people["ana"]["cost"]) == (1, 20, 14)


def test_callers_without_a_person_are_counted_apart() -> None:
    day = day_of_sessions("research", NOON.date(), [session(0), session(1, user=None), session(2, user=None)])
    assert set(day.people) == {"ana"}
    assert day.services["sessions"] == 2


_SESSIONS = st.lists(st.tuples(st.sampled_from(Label), st.booleans()), max_size=12).map(
    lambda told: [session(number, label, continues=cut) for number, (label, cut) in enumerate(told)]
)


@settings(max_examples=100)
@given(_SESSIONS, st.integers(0, 12))
def test_a_row_is_counted_over_the_border_of_days(sessions: list[Session], border: int) -> None:
    def counts(part: list[Session]) -> dict[str, int]:
        found = dict(day_of_sessions("research", NOON.date(), part).people.get("ana", {}))
        return {name: number for name, number in found.items() if name not in ("days", "agent_days")}

    assert joined(counts(sessions[:border]), counts(sessions[border:])) == counts(sessions)


@given(_SESSIONS)
def test_the_longest_row_is_what_counting_by_hand_gives(sessions: list[Session]) -> None:
    best = row = 0
    for each in sessions:
        if not each.continues:
            row = row + 1 if each.label is not Label.INTERACTIVE else 0
            best = max(best, row)
    assert day_of_sessions("research", NOON.date(), sessions).people.get("ana", {}).get("best", 0) == best
