"""A wait is what the upstream asks for, if that makes sense, else a jittered back-off."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.routing.retry import LONGEST_S, RETRYABLE, RetryRules, asked_delay, backoff

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def delay(**headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asked_delay(named.get, NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "0"}, 0),
        ({"retry_after_ms": "86400000"}, 86_400),
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "1500", "retry_after": "7"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "7"}, 7),
        ({"retry_after_ms": "-5", "retry_after": "7"}, 7),
        ({"x_rate_limit_reset_tokens": "12"}, 12),
        ({"retry_after": "3", "x_rate_limit_reset_tokens": "12"}, 3),
        ({"retry_after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30),
        ({"retry_after": "Sun, 01 Mar 2026 13:00:30 +0100"}, 30),
        ({"retry_after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0),
        ({}, None),
    ],
)
def test_the_upstream_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert delay(**headers) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "-1", "-0.5", "nan", "inf", "-inf", "1e400", "999999999999", "0x10", "1,5", "12:00",
     "Sun, 01 Mar 2026 12:00:30 -0000", "Fri, 31 Dec 9999 23:59:59 GMT", "Sun, 99 Mar 2026 12:00:30 GMT", "٣ Mar"],
)  # fmt: skip
def test_a_wait_that_makes_no_sense_counts_as_none_asked(text: str) -> None:
    assert delay(retry_after=text) is None
    assert delay(retry_after_ms=text) is None
    assert delay(x_rate_limit_reset_tokens=text) is None


@given(st.integers(-86_400, 300 * 86_400))
def test_a_date_is_as_far_away_as_it_is(seconds: int) -> None:
    moment = NOW + timedelta(seconds=seconds)

    assert delay(retry_after=format_datetime(moment, usegmt=True)) == max(0, seconds)


dateish = st.lists(
    st.sampled_from(["Sun", ",", " ", "01", "Mar", "9999", "0001", ":", "12", "+9999", "-2359", "GMT", "-", "z"])
)


@given(st.text() | dateish.map("".join) | dateish.map(" ".join))
def test_any_header_gives_a_sane_wait_or_none(text: str) -> None:
    for name in ("retry_after_ms", "retry_after", "x_rate_limit_reset_tokens"):
        seconds = delay(**{name: text})
        assert seconds is None or 0 <= seconds < LONGEST_S


@given(st.integers(1, 60), st.floats(0, 30), st.floats(0.001, 5))
def test_a_back_off_is_never_negative_and_never_beyond_the_limit(
    attempt: int, max_wait_s: float, base_s: float
) -> None:
    rules = RetryRules(max_wait_s=max_wait_s, base_s=base_s)

    assert 0 <= backoff(rules, attempt) <= min(max_wait_s, base_s * 2**attempt)


def test_only_what_another_target_may_answer_is_retried() -> None:
    assert sorted(RETRYABLE) == [408, 429, 500, 502, 503, 504]
