from hypothesis import given, settings
from hypothesis import strategies as st

from shared.telemetry.sampling import is_kept
from shared.telemetry.traceparent import trace_id_of

TRACES, RATIOS = st.integers(1, 2**128 - 1), st.floats(0, 1)


@given(TRACES, RATIOS, RATIOS)
@settings(max_examples=200)
def test_what_a_smaller_ratio_keeps_a_larger_one_keeps_too(trace: int, one: float, other: float) -> None:
    assert is_kept(trace, max(one, other)) >= is_kept(trace, min(one, other))


@given(TRACES)
@settings(max_examples=100)
def test_all_is_kept_of_one_and_nothing_of_zero(trace: int) -> None:
    assert is_kept(trace, 1)
    assert not is_kept(trace, 0)


@given(TRACES, st.integers(0, 2**72 - 1), RATIOS)
@settings(max_examples=100)
def test_only_the_random_part_of_the_trace_decides(trace: int, other: int, ratio: float) -> None:
    assert is_kept(trace, ratio) == is_kept((other << 56) | (trace & (2**56 - 1)), ratio)


def test_the_share_that_is_kept_is_the_ratio() -> None:
    traces = [trace_id_of(f"req_{number}", None) for number in range(20_000)]

    for ratio in (0.01, 0.1, 0.5, 0.9):
        share = sum(is_kept(trace, ratio) for trace in traces) / len(traces)
        assert abs(share - ratio) < 0.015
