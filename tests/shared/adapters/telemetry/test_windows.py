"""What is summed up between two sendings is what was told, no more and no less."""

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.adapters.telemetry.points import SERIES
from shared.adapters.telemetry.windows import Windows
from shared.telemetry.model import Point
from tests.shared.adapters.telemetry.recorder_contract import CIRCUIT, REQUESTS

WHOLE = st.integers(0, 1000)
TOLD = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), WHOLE), max_size=30)


def ignored(count: int) -> None:
    assert count > 0


@examples(max_examples=50)
@given(st.lists(TOLD, max_size=5))
def test_windows_add_up_to_what_was_told(batches: list[list[tuple[str, int]]]) -> None:
    windows, taken = Windows(ignored), []
    for batch in batches:
        windows.add([Point(REQUESTS, value, {"endpoint": endpoint}) for endpoint, value in batch])
        taken += windows.taken()

    told = [entry for batch in batches for entry in batch]
    assert sum(series.count for series in taken) == len(told)
    assert sum(series.sum for series in taken) == sum(value for _, value in told)
    assert all(series.smallest * series.count <= series.sum <= series.greatest * series.count for series in taken)
    assert windows.taken() == []


@examples(max_examples=50)
@given(st.lists(WHOLE, min_size=1))
def test_of_a_gauge_the_last_value_counts_once(values: list[int]) -> None:
    windows = Windows(ignored)
    windows.add([Point(CIRCUIT, value, {}) for value in values])

    assert [(series.sum, series.count) for series in windows.taken()] == [(values[-1], 1)]


def test_series_without_end_are_lost_and_counted() -> None:
    lost: list[int] = []
    windows = Windows(lost.append)
    windows.add([Point(CIRCUIT, 1, {"deployment": str(number)}) for number in range(SERIES + 2)])

    assert len(windows.taken()) == SERIES
    assert sum(lost) == 2


def test_each_window_has_room_of_its_own() -> None:
    lost: list[int] = []
    windows = Windows(lost.append)
    for month in ("may", "june"):
        windows.add([Point(CIRCUIT, 1, {"deployment": f"{month}-{number}"}) for number in range(SERIES)])
        assert len(windows.taken()) == SERIES

    assert lost == []
