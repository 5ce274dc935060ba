"""How long to wait before another try: what the upstream asks for, else a jittered back-off."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class RetryRules:
    """At most `attempts` upstream calls for one request, and no single wait longer than `max_wait_s`."""

    attempts: int = 3
    max_wait_s: float = 2.0
    base_s: float = 0.1


LONGEST_S = 366 * 86_400
"""A longer wait than a year is no answer; it is taken as not given."""

RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which another target may answer."""


def asked_delay(header: Callable[[str], str | None], now: datetime) -> float | None:
    """Return the seconds that an answer asks to wait: retry-after-ms, else Retry-After as seconds or as a date."""
    seconds = _seconds(header("retry-after-ms"), per_second=1000)
    if seconds is not None:
        return seconds
    text = header("retry-after")
    if text is None:
        return _reset(header)
    seconds = _seconds(text)
    if seconds is not None:
        return seconds
    try:
        return _sane(max(0.0, (parsedate_to_datetime(text) - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None


def backoff(rules: RetryRules, attempt: int) -> float:
    """Return a wait in seconds after the `attempt`-th try (from 1): full jitter over a doubling interval."""
    return random.uniform(0, min(rules.max_wait_s, rules.base_s * 2**attempt))


def _reset(header: Callable[[str], str | None]) -> float | None:
    """Older Azure 429s name only the second at which the token window resets."""
    return _seconds(header("x-rate-limit-reset-tokens"))


def _seconds(text: str | None, per_second: int = 1) -> float | None:
    try:
        return _sane(float(text) / per_second) if text else None
    except ValueError:
        return None


def _sane(seconds: float) -> float | None:
    return seconds if 0 <= seconds < LONGEST_S else None
