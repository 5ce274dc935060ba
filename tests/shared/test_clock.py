"""The machine's clock tells UTC and never goes back."""

from datetime import UTC

from shared.clock import SystemClock


def test_the_time_is_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_the_monotonic_clock_never_goes_back() -> None:
    readings = [SystemClock().monotonic() for _ in range(100)]

    assert readings == sorted(readings)
