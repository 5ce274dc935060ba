"""Times as people write and read them: `90d`, `24h`, `2027-01-31`."""

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def duration(text: str) -> timedelta:
    """Raises ValueError."""
    if text == "0":
        return timedelta()
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError("must be a number with s, m, h, d or w, such as 24h")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def expiry(text: str, now: datetime) -> datetime:
    """Return the moment that a duration from now, a date (its first moment in UTC) or a time with its zone stands for.

    Raises ValueError.
    """
    moment = _moment(text, now)
    if moment <= now:
        raise ValueError("lies in the past")
    return moment


def _moment(text: str, now: datetime) -> datetime:
    if _DURATION.fullmatch(text):
        try:
            return (now + duration(text)).replace(microsecond=0)
        except OverflowError:
            raise ValueError("lies too far ahead") from None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and _DATE.fullmatch(text):
        return moment.replace(tzinfo=UTC)
    if moment is None or moment.tzinfo is None:
        raise ValueError("must be a duration such as 90d, a date, or a time with its zone such as 2027-01-31T12:00:00Z")
    return moment


def shown(moment: object) -> str | None:
    """Return a moment of an answer to the second, in UTC; what is none stays as it is."""
    if not isinstance(moment, str):
        return None
    try:
        return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError):
        return moment
