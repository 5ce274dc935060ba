"""Who tries many keys waits, whoever else comes from elsewhere, and what is remembered of them stays small."""

from datetime import timedelta

import pytest

from shared.console import attempts
from shared.console.attempts import MOST, WITHIN, Attempts, TooManyAttempts
from tests.fakes import FakeClock


def refused(tried: Attempts, address: str, times: int) -> int:
    """Try so often, and return how often that was refused."""
    count = 0
    for _ in range(times):
        try:
            tried.begin(address)
        except TooManyAttempts:
            count += 1
    return count


def test_what_failed_counts_for_a_minute() -> None:
    clock = FakeClock()
    tried = Attempts(clock)

    assert refused(tried, "192.0.2.1", MOST + 3) == 3
    clock.advance((WITHIN - timedelta(seconds=1)).total_seconds())
    assert refused(tried, "192.0.2.1", 1) == 1
    clock.advance(1)
    assert refused(tried, "192.0.2.1", MOST + 1) == 1


def test_what_succeeded_does_not_count() -> None:
    tried = Attempts(FakeClock())
    for _ in range(MOST * 3):
        tried.begin("192.0.2.1")
        tried.forgiven("192.0.2.1")

    assert refused(tried, "192.0.2.1", MOST + 1) == 1


@pytest.mark.parametrize(
    ("address", "is_the_same"),
    [("2001:db8:1:2::ffff", True), ("2001:db8:1:3::1", False), ("192.0.2.1", False), ("nowhere", False)],
)
def test_addresses_of_one_network_are_one_visitor(address: str, is_the_same: bool) -> None:
    tried = Attempts(FakeClock())
    refused(tried, "2001:db8:1:2::1", MOST)

    assert refused(tried, address, 1) == is_the_same


def test_only_those_who_tried_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_ADDRESSES", 100)
    tried = Attempts(FakeClock())
    for number in range(1000):
        tried.begin(f"10.0.{number // 250}.{number % 250}")

    assert len(tried._begun) == 100
