"""Times as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.durations import duration, expiry, shown

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", timedelta()),
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("90d", timedelta(days=90)),
        ("2w", timedelta(days=14)),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "5", "d", "-5d", "1.5h", "5 d", "5y", "9999999d", "٣d"])
def test_nothing_else_is_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", datetime(2026, 4, 1, 12, tzinfo=UTC)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_moment(text: str, expected: datetime) -> None:
    assert expiry(text, NOW) == expected


@pytest.mark.parametrize("text", ["2027-01-31T12:00:00", "2027-13-01", "tomorrow", ""])
def test_a_time_without_a_zone_is_no_expiry(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        expiry(text, NOW)


@pytest.mark.parametrize(("text", "said"), [("0s", "past"), ("2026-01-01", "past"), ("999999w", "too far")])
def test_an_expiry_lies_ahead_and_within_the_calendar(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expiry(text, NOW)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-02-01T00:00:00.779744+01:00", "2026-01-31 23:00:00Z"),
        ("2027-02-19T08:19:43Z", "2027-02-19 08:19:43Z"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00+01:00"),
        ("never", "never"),
        (None, None),
    ],
)
def test_a_moment_is_shown_to_the_second_in_utc(moment: object, expected: str | None) -> None:
    assert shown(moment) == expected
