"""An id tells its kind, sorts by time and is never made twice."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
moments = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis takes naive bounds and adds the zone
    datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moments)
def test_an_id_is_a_prefix_and_a_ulid(moment: datetime) -> None:
    assert re.fullmatch(rf"req_[0-7][{ALPHABET}]{{25}}", new_id("req", moment))


@given(moments)
def test_the_first_ten_characters_are_the_milliseconds(moment: datetime) -> None:
    value = 0
    for character in new_id("req", moment)[4:14]:
        value = value * 32 + ALPHABET.index(character)

    assert value == int(moment.timestamp() * 1000)


@given(moments, st.integers(1, 10**9))
def test_a_later_id_sorts_after_an_earlier_one(moment: datetime, milliseconds: int) -> None:
    later = min(moment + timedelta(milliseconds=milliseconds), datetime.max.replace(tzinfo=UTC))
    earlier_id, later_id = new_id("t", moment), new_id("t", later)

    assert (earlier_id < later_id) or int(later.timestamp() * 1000) == int(moment.timestamp() * 1000)


def test_ids_of_one_instant_differ() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert len({new_id("req", now) for _ in range(10_000)}) == 10_000
