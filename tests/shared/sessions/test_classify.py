"""The classifier, and how often it is right on traces that nobody showed it before."""

from shared.sessions.classify import VERSION, WEIGHTS, classify
from shared.sessions.model import Label
from tests.load.sessions import FITTED_SEEDS, MEASURED_SEEDS, measure
from tests.shared.sessions.traces import runs_of, step


def test_it_is_right_in_nineteen_of_twenty_synthetic_traces() -> None:
    accuracy = measure(MEASURED_SEEDS[:2], each=10)
    assert accuracy.share >= 0.95
    assert all(accuracy.recall(label) >= 0.9 and accuracy.precision(label) >= 0.9 for label in Label)


def test_it_is_right_in_four_of_five_where_clients_tell_hardly_anything() -> None:
    assert measure(MEASURED_SEEDS[:2], each=10, noise=6).share >= 0.8


def test_what_is_measured_was_not_fitted() -> None:
    assert not set(FITTED_SEEDS) & set(MEASURED_SEEDS)


def test_a_single_call_is_hardly_known() -> None:
    (tally,) = runs_of(step(0, turns=1))
    assert classify(tally.features(), 1).confidence < 600


def test_the_verdict_is_the_same_every_time_and_names_its_version() -> None:
    (tally,) = runs_of(*(step(minute, turns=minute) for minute in range(6)))
    verdict = classify(tally.features(), tally.calls)
    assert verdict == classify(tally.features(), tally.calls)
    assert (verdict.label, verdict.version) == (Label.INTERACTIVE, VERSION)


def test_every_weight_is_of_a_feature_that_there_is() -> None:
    (tally,) = runs_of(step())
    assert {name for weights in WEIGHTS.values() for name in weights} <= {*tally.features(), "bias"}
