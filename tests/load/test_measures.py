"""The arithmetic behind every figure in the reports."""

import math

import pytest

from tests.load.measures import known, median_of_rounds, percentile, second_half, slope, sparkline


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_a_sample_that_was_seen(percent: float, expected: float) -> None:
    assert percentile([float(sample) for sample in range(100, 0, -1)], percent) == expected


def test_the_median_of_few_samples_is_the_lower_middle_one() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.0


def test_nothing_is_known_of_no_samples() -> None:
    assert math.isnan(percentile([], 95))
    assert math.isnan(slope([(0.0, 1.0)]))
    assert known({"p50": 1.0, "p95": math.nan}) == {"p50": 1.0}


def test_one_bad_round_of_three_does_not_move_the_median() -> None:
    rounds = [{"p50": 1.0, "p95": 2.0}, {"p50": 1.2, "p95": 90.0}, {"p50": 1.1, "p95": 2.2}]
    assert median_of_rounds(rounds) == {"p50": 1.1, "p95": 2.2}


def test_a_figure_of_some_rounds_is_the_median_of_those() -> None:
    assert median_of_rounds([{"p50": 1.0}, {"p50": 3.0, "p95": 5.0}]) == {"p50": 2.0, "p95": 5.0}


def test_the_slope_of_a_line_is_its_own() -> None:
    assert slope([(minute / 6, 80 + 3 * minute / 6) for minute in range(10)]) == pytest.approx(3)


def test_growth_while_warming_up_does_not_count_in_the_second_half() -> None:
    points = [(float(minute), min(90.0, 50 + 10.0 * minute)) for minute in range(12)]
    assert slope(second_half(points)) == 0


def test_a_sparkline_spans_its_own_least_and_greatest() -> None:
    assert sparkline([1, 8, 4.5]) == "▁█▅"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline([]) == ""
