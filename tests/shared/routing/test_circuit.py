"""A deployment that does not work is left alone, probed by one call at a time, and taken back when it answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.routing.circuit import Circuit, CircuitRules, State

RULES = CircuitRules(failures=3, window=10, min_calls=6, error_rate=0.5, open_s=10.0, max_open_s=35.0)


@pytest.fixture
def circuit() -> Circuit:
    return Circuit(RULES)


def open_up(circuit: Circuit, now: float = 0.0) -> None:
    for _ in range(RULES.failures):
        circuit.failed(now)
    assert circuit.state(now) is State.OPEN


def fail_the_probe(circuit: Circuit, now: float) -> None:
    assert circuit.admits(now)
    circuit.begin(now)
    circuit.failed(now)


def test_it_opens_after_failures_in_a_row(circuit: Circuit) -> None:
    circuit.failed(0)
    circuit.failed(0)
    assert circuit.admits(0)

    circuit.failed(0)

    assert circuit.state(0) is State.OPEN
    assert not circuit.admits(0)
    assert not circuit.is_preferred(0)
    assert circuit.opens_again_in(4) == 6


def test_a_success_in_between_starts_the_row_again(circuit: Circuit) -> None:
    for _ in range(2):
        circuit.failed(0)
    circuit.succeeded()
    circuit.failed(0)

    assert circuit.state(0) is State.CLOSED


def test_it_opens_when_half_of_the_recent_calls_failed(circuit: Circuit) -> None:
    for _ in range(2):
        circuit.succeeded()
        circuit.failed(0)
    assert circuit.state(0) is State.CLOSED

    circuit.succeeded()
    circuit.failed(0)

    assert circuit.state(0) is State.OPEN


def test_failures_that_are_long_past_do_not_count(circuit: Circuit) -> None:
    circuit.failed(0)
    circuit.failed(0)
    for _ in range(RULES.window):
        circuit.succeeded()
    circuit.failed(0)
    circuit.failed(0)

    assert circuit.state(0) is State.CLOSED


def test_after_its_time_one_call_may_probe_and_only_one(circuit: Circuit) -> None:
    open_up(circuit)
    assert circuit.state(9.999) is State.OPEN
    assert circuit.state(10) is State.HALF_OPEN
    assert circuit.admits(10)

    circuit.begin(10)

    assert not circuit.admits(10)
    assert not circuit.admits(1000)


def test_a_probe_that_succeeds_closes_it_and_forgets(circuit: Circuit) -> None:
    open_up(circuit)
    circuit.begin(10)
    circuit.succeeded()

    assert circuit.state(10) is State.CLOSED
    assert circuit.opens_again_in(10) == 0
    circuit.failed(11)
    circuit.failed(11)
    assert circuit.state(11) is State.CLOSED


def test_each_probe_that_fails_doubles_the_wait_up_to_a_limit(circuit: Circuit) -> None:
    open_up(circuit)
    now, waits = 0.0, []
    for _ in range(4):
        now += circuit.opens_again_in(now)
        fail_the_probe(circuit, now)
        waits.append(circuit.opens_again_in(now))

    assert waits == [20, 35, 35, 35]


def test_after_a_recovery_the_wait_is_short_again(circuit: Circuit) -> None:
    open_up(circuit)
    fail_the_probe(circuit, 10)
    circuit.begin(30)
    circuit.succeeded()

    open_up(circuit, 40)

    assert circuit.opens_again_in(40) == 10


def test_calls_that_fail_late_on_an_open_circuit_do_not_prolong_it(circuit: Circuit) -> None:
    open_up(circuit)
    circuit.failed(5)

    assert circuit.opens_again_in(5) == 5


def test_a_probe_that_tells_nothing_makes_room_for_the_next(circuit: Circuit) -> None:
    open_up(circuit)
    circuit.begin(10)

    circuit.abandoned()

    assert circuit.state(10) is State.HALF_OPEN
    assert circuit.admits(10)


def test_a_throttled_probe_shows_that_the_deployment_answers(circuit: Circuit) -> None:
    open_up(circuit)
    circuit.begin(10)

    circuit.throttled(12)

    assert circuit.state(10) is State.CLOSED
    assert not circuit.is_preferred(11)
    assert circuit.is_preferred(12)


def test_throttled_is_not_broken(circuit: Circuit) -> None:
    for _ in range(100):
        circuit.throttled(30)

    assert circuit.state(0) is State.CLOSED
    assert circuit.admits(0)
    assert not circuit.is_preferred(29.9)
    assert circuit.is_preferred(30)


def test_the_longest_throttling_counts(circuit: Circuit) -> None:
    circuit.throttled(30)
    circuit.throttled(5)

    assert not circuit.is_preferred(29)


steps = st.lists(
    st.tuples(st.sampled_from(["begin", "succeeded", "failed", "throttled", "abandoned"]), st.floats(0, 50))
)


@given(steps)
def test_whatever_happens_it_can_be_asked_again_in_the_end(steps: list[tuple[str, float]]) -> None:
    circuit, now = Circuit(RULES), 0.0
    for name, passed in steps:
        now += passed
        if name in ("begin", "failed"):
            getattr(circuit, name)(now)
        elif name == "throttled":
            circuit.throttled(now + passed)
        else:
            getattr(circuit, name)()
        assert circuit.opens_again_in(now) <= RULES.max_open_s
        assert (circuit.state(now) is State.OPEN) <= (not circuit.admits(now))

    circuit.abandoned()
    assert circuit.is_preferred(now + RULES.max_open_s + 50)
