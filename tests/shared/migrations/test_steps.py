import orjson

from shared.migrations.steps import MIGRATIONS, partition_of_usage_event, usage_event_to_2
from shared.usage.model import EVENTS

OLD = {
    "schema": 1,
    "id": "req_1",
    "started_at": "2026-11-21T05:00:00.000+00:00",
    "team": "search",
    "key": "vk_1",
    "cost_center": "cc-7",
    "tokens": {"input_fresh": 3},
    "attempts": [{"deployment": "a", "status": 200}],
}


def test_an_old_usage_event_learns_who_the_caller_was() -> None:
    assert usage_event_to_2(OLD) == {
        **OLD,
        "schema": 2,
        "organization": "organization",
        "area": None,
        "application": None,
        "user": None,
        "client": None,
        "project": None,
        "principal_kind": "virtual_key",
        "shadow": [],
        "downshifted_from": None,
    }


def test_an_upgraded_or_newer_usage_event_is_left_alone() -> None:
    upgraded = usage_event_to_2(OLD)

    assert upgraded is not None
    assert usage_event_to_2(orjson.loads(orjson.dumps(upgraded))) is None
    assert usage_event_to_2({**OLD, "schema": 3}) is None


def test_a_usage_event_stays_where_it_is_stored() -> None:
    assert partition_of_usage_event(OLD) == "search|2026-11"


def test_migrations_are_in_order_and_the_first_is_about_usage_events() -> None:
    numbers = [migration.number for migration in MIGRATIONS]

    assert numbers == sorted(set(numbers))
    assert MIGRATIONS[0].container == EVENTS
    assert MIGRATIONS[0].upgrade(OLD) == usage_event_to_2(OLD)
