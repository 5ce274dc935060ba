from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.plausible import EventInvalid, checked
from shared.ledger.posting import entry_of
from tests.shared.ledger.synthetic import MORNING, event, per_token

NOW = MORNING + timedelta(minutes=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_an_event_of_the_gateway_is_taken_as_it_is() -> None:
    assert checked(event(), NOW) == event()


def test_a_time_in_another_zone_is_kept_in_utc() -> None:
    assert (
        checked(event(started_at="2026-11-21T06:00:00.5+01:00"), NOW)["started_at"] == "2026-11-21T05:00:00.500+00:00"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 4},
        {"schema": "3"},
        {"id": ""},
        {"id": 7},
        {"id": "x" * 301},
        {"id": "a b"},
        {"id": "led_req_1"},
        {"id": "head"},
        {"id": "cell|total"},
        {"team": ""},
        {"team": ["search"]},
        {"team": "se|arch"},
        {"started_at": None},
        {"started_at": "yesterday"},
        {"started_at": "2026-11-21"},
        {"started_at": "2026-11-21T05:00:00"},
        {"started_at": "2019-12-31T23:59:59+00:00"},
        {"started_at": "2026-11-22T05:01:00+00:00"},
        {"started_at": "9999-12-31T23:59:59-12:00"},
        {"status": True},
        {"status": "200"},
        {"outcome": "fine"},
        {"usage_source": "guessed"},
        {"usage_source": "none"},
        {"usage_source": "pending"},
        {"tokens": None},
        {"tokens": {"input_fresh": -1}},
        {"tokens": {"input_fresh": 1.5}},
        {"tokens": {"input_fresh": "1"}},
        {"tokens": {"input_fresh": True}},
        {"tokens": {"input_fresh": 10**9 + 1}},
        {"tokens": {"unheard_of": 1}},
        {"units": {"images": -1}},
        {"total_ms": -1},
        {"total_ms": 10**30},
        {"first_byte_ms": 0.5},
        {"capacity": "free"},
        {"tags": {"a": 1}},
        {"tags": ["a"]},
        {"trace": {"tool_calls": -4}},
        {"attempts": {}},
        {"user": 7},
        {"streamed": 1},
    ],
)
def test_what_cannot_be_true_is_not_counted(changes: dict[str, Any]) -> None:
    with pytest.raises(EventInvalid):
        checked(event(**changes), NOW)


@pytest.mark.parametrize("name", ["id", "team", "started_at", "tokens", "outcome", "usage_source", "total_ms"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(EventInvalid, match=name):
        checked({key: value for key, value in event().items() if key != name}, NOW)


def nested(levels: int) -> Any:
    return orjson.loads(b"[" * levels + b"]" * levels)


@pytest.mark.parametrize("levels", [9, 100, 300])
@pytest.mark.parametrize("place", ["unknown", "attempts", "trace"])
def test_what_is_nested_too_deep_to_be_stored_is_no_event(place: str, levels: int) -> None:
    inside: dict[str, Any] = {
        "unknown": nested(levels),
        "attempts": [{"failure": nested(levels)}],
        "trace": {"more": nested(levels)},
    }
    with pytest.raises(EventInvalid, match="nested"):
        checked(event(**{place: inside[place]}), NOW)


def test_a_field_that_a_later_version_may_add_is_kept() -> None:
    assert checked(event(more={"of": [{"this": [1]}]}), NOW)["more"] == {"of": [{"this": [1]}]}


def test_the_reason_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(EventInvalid) as refused:
        checked(event(user={"password": "hunter2"}, status="hunter2"), NOW)

    assert "hunter2" not in str(refused.value)


@given(st.dictionaries(st.sampled_from(sorted(event())), JSON, max_size=4))
def test_whatever_an_event_holds_its_sums_are_never_negative_or_absurd_but_for_what_no_longer_goes_on(
    changes: dict[str, Any],
) -> None:
    try:
        taken = checked(event(**changes), NOW)
    except EventInvalid:
        return
    entry = entry_of(taken, per_token(taken), NOW)
    counted = {**entry.counted()}
    assert counted.pop("pending", 0) in (-1, 0, 1)
    assert all(0 < number <= 10**12 for number in counted.values())
    assert entry.cost is None or entry.cost == sum(entry.lines.values())
