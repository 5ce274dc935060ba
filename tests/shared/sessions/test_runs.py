"""What belongs together, and where it ends."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.sessions.counting import session_of
from shared.sessions.features import Tally
from shared.sessions.model import Step
from shared.sessions.runs import window_of_day
from tests.shared.sessions.traces import NOON, runs_of, step


def _sizes(tallies: list[Tally]) -> list[int]:
    return [tally.calls for tally in tallies]


def test_calls_shortly_after_one_another_are_one_session() -> None:
    assert _sizes(runs_of(step(0), step(10), step(35))) == [3]


def test_half_an_hour_of_silence_ends_it() -> None:
    assert _sizes(runs_of(step(0), step(31))) == [1, 1]


def test_the_silence_begins_when_the_answer_has_ended() -> None:
    assert _sizes(runs_of(step(0, duration_ms=5 * 60_000), step(34))) == [2]


def test_an_id_of_the_client_holds_a_session_together_over_lunch() -> None:
    assert _sizes(runs_of(step(0, session="a", source="session-id"), step(120, session="a", source="session-id"))) == [
        2
    ]


def test_a_cache_key_holds_no_longer_than_time_does() -> None:
    """An application may send the same one for everybody."""
    assert _sizes(
        runs_of(step(0, session="a", source="prompt_cache_key"), step(31, session="a", source="prompt_cache_key"))
    ) == [1, 1]


def test_sessions_with_ids_run_side_by_side() -> None:
    calls = [step(minute, session="ab"[minute % 2], source="session-id") for minute in range(10)]
    assert _sizes(runs_of(*calls)) == [5, 5]


def test_the_same_id_of_another_person_is_another_session() -> None:
    assert _sizes(runs_of(step(0, session="a"), step(1, session="a", user="ben"))) == [1, 1]


def test_a_response_that_continues_another_belongs_to_its_session() -> None:
    calls = [
        step(0, object_id="resp_1"),
        step(100, previous="resp_1", object_id="resp_2"),
        step(200, previous="resp_2"),
    ]
    assert _sizes(runs_of(*calls)) == [3]


def test_nobody_continues_the_response_of_another_person() -> None:
    assert _sizes(runs_of(step(0, object_id="resp_1"), step(60, previous="resp_1", user="ben"))) == [1, 1]


def test_two_clients_of_one_person_are_told_apart() -> None:
    assert _sizes(runs_of(step(0, agent="codex"), step(1, agent="browser"), step(2, agent="codex"))) == [2, 1]


def test_a_session_goes_on_over_midnight_and_the_end_of_the_month() -> None:
    late = NOON.replace(month=11, day=30, hour=23, minute=50)
    minutes = (late - NOON).total_seconds() / 60
    tallies = runs_of(step(minutes), step(minutes + 20))
    assert _sizes(tallies) == [2]
    assert tallies[0].day.isoformat() == "2026-11-30"


def test_four_in_the_morning_ends_what_never_pauses() -> None:
    calls = [step(60 * 15 + minute) for minute in range(0, 120, 10)]
    first, second = runs_of(*calls)
    assert (first.calls, second.calls) == (6, 6)
    assert (first.continues, second.continues) == (False, True)


def test_the_turn_of_the_day_is_that_of_the_reporting_time_zone() -> None:
    assert _sizes(runs_of(step(60 * 15 - 5), step(60 * 15 + 5), time_zone="UTC")) == [2]
    assert _sizes(runs_of(step(60 * 15 - 5), step(60 * 15 + 5), time_zone="Europe/Berlin")) == [1, 1]


def test_what_becomes_known_later_is_added_where_its_response_was_made() -> None:
    tallies = runs_of(
        step(0, object_id="resp_1", tokens=0),
        step(1, id="late_resp_1", object_id="resp_1", tokens=900, cost=50, is_late=True),
    )
    assert [(tally.calls, tally.tokens, tally.cost) for tally in tallies] == [(1, 900, 50)]


def test_what_becomes_known_later_of_nothing_that_was_seen_makes_no_session() -> None:
    assert runs_of(step(1, id="late_batch_1", object_id="batch_1", tokens=900, is_late=True)) == []


def test_working_days_follow_one_another_when_the_clocks_change() -> None:
    before, after = (window_of_day(NOON.replace(month=10, day=number).date(), "Europe/Berlin") for number in (24, 25))
    assert before.end == after.start
    assert (before.end - before.start).total_seconds() == 25 * 3600


_STEPS = st.lists(
    st.builds(
        step,
        st.integers(0, 3000).map(lambda number: number * 1.0),
        user=st.sampled_from(["ana", "ben", None]),
        session=st.sampled_from([None, None, "a", "b"]),
        source=st.sampled_from(["session-id", "prompt_cache_key"]),
        object_id=st.sampled_from([None, "resp_1", "resp_2"]),
        previous=st.sampled_from([None, "resp_1", "resp_2"]),
        tokens=st.integers(0, 9),
        cost=st.integers(0, 9),
    ),
    max_size=30,
    unique_by=lambda each: each.id,
)


@settings(max_examples=100)
@given(_STEPS, st.integers())
def test_every_call_is_in_one_session_however_they_arrive(steps: list[Step], seed: int) -> None:
    shuffled = random.Random(seed).sample(steps, len(steps))
    sessions = [session_of("t", tally) for tally in runs_of(*steps)]
    assert sum(each.calls for each in sessions) == len(steps)
    assert sum(each.cost for each in sessions) == sum(each.cost for each in steps)
    assert len({each.id for each in sessions}) == len(sessions)
    assert [session_of("t", tally) for tally in runs_of(*shuffled)] == sessions
