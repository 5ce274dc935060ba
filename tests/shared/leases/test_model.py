"""What is told about an allowance."""

from shared.leases.model import Allowance, Exhausted, Held, Level


def test_what_remains_is_never_negative_and_unknown_without_a_limit() -> None:
    assert Level(used=3, leased=2, limit=10, resets_at=None).remaining == 7
    assert Level(used=12, leased=0, limit=10, resets_at=None).remaining == 0
    assert Level(used=12, leased=0, limit=None, resets_at=None).remaining is None


def test_a_refusal_names_the_allowance() -> None:
    allowance = Allowance("teams/search:pol_1:0", 5, Held())

    refusal = Exhausted(allowance, remaining=2, retry_after_s=1.5)

    assert str(refusal) == "teams/search:pol_1:0"
    assert (refusal.allowance, refusal.remaining, refusal.retry_after_s) == (allowance, 2, 1.5)
