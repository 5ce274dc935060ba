from hypothesis import given, settings
from hypothesis import strategies as st

from shared.telemetry import instruments
from shared.telemetry.model import Kind, Point
from shared.telemetry.translation import LONGEST, Translation, summed
from shared.telemetry.vocabulary import Models
from tests.shared.telemetry.recording import MemoryRecorder, ended

POINTS = st.lists(
    st.builds(
        Point,
        st.sampled_from(instruments.ALL),
        st.integers(0, 100),
        st.dictionaries(st.sampled_from(["endpoint", "model", "job", "prompt"]), st.sampled_from(["a", "b"])),
    ),
    max_size=40,
)


@given(POINTS)
@settings(max_examples=200)
def test_summing_up_loses_nothing_and_lets_nothing_else_through(points: list[Point]) -> None:
    result = summed(points)

    for instrument in instruments.ALL:
        before = [point.value for point in points if point.instrument is instrument]
        after = [point for point in result if point.instrument is instrument]
        assert sum(point.value for point in after) == sum(before)
        assert all(set(point.attributes) <= set(instrument.attributes) for point in after)
        if instrument.kind is Kind.COUNTER:
            assert len({tuple(point.attributes.items()) for point in after}) == len(after)
        else:
            assert [point.value for point in after] == before, (
                "each value of a histogram, and the order of a gauge's, matter"
            )


def test_what_is_too_long_is_cut() -> None:
    (point,) = summed([Point(instruments.BUDGET_USED, 0.5, {"budget": "b" * 1000, "team": "research"})])

    assert point.attributes == {"budget": "b" * LONGEST, "team": "research"}


def test_calls_cost_what_the_price_book_says() -> None:
    translation = Translation(Models(["gpt-4o"]), {}, lambda event: (0.25, "EUR"), 1.0)
    recorder = MemoryRecorder()

    points, spans = translation.of([ended(), ended(id="req_2"), (instruments.LEASES, 1, {"result": "granted"})])
    recorder.record(points)

    assert recorder.of("tollgate.cost") == [(0.5, {"model": "gpt-4o", "deployment": "west", "currency": "EUR"})]
    assert recorder.of("tollgate.leases") == [(1, {"result": "granted"})]
    assert [value for value, _ in recorder.of("tollgate.requests")] == [2]
    assert len(spans) == 8


def test_what_has_no_price_and_what_costs_nothing_adds_no_cost() -> None:
    for cost in (None, (0.0, "USD")):
        points, _ = Translation(cost_of=lambda event, cost=cost: cost).of([ended()])
        assert not any(point.instrument is instruments.COST for point in points)
