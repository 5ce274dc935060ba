import orjson

from shared.ledger.model import CONTAINER
from shared.migrations.steps import (
    MIGRATIONS,
    newest_usage_event,
    partition_of_usage_event,
    usage_event_to_2,
    usage_event_to_3,
)
from tests.shared.ledger.synthetic import event

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
SECOND = {
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
THIRD = {
    **SECOND,
    "schema": 3,
    "kind": "event",
    "catalog_model": None,
    "processing": None,
    "capacity": "standard",
    "tags": {},
    "trace": {},
}


def test_an_old_usage_event_learns_who_the_caller_was() -> None:
    assert usage_event_to_2(OLD) == SECOND


def test_a_usage_event_learns_how_it_was_served_and_paid() -> None:
    assert usage_event_to_3(SECOND) == THIRD


def test_an_event_of_any_version_comes_to_the_newest() -> None:
    assert [newest_usage_event(each) for each in (OLD, SECOND, THIRD)] == [THIRD] * 3


def test_an_upgraded_or_newer_usage_event_is_left_alone() -> None:
    for upgrade, done in ((usage_event_to_2, SECOND), (usage_event_to_3, THIRD)):
        assert upgrade(orjson.loads(orjson.dumps(done))) is None
        assert upgrade({**OLD, "schema": 4}) is None


def test_upgraded_events_have_every_field_that_new_ones_have() -> None:
    before_2 = {name for name in event() if name not in THIRD} | OLD.keys()

    assert before_2 | THIRD.keys() == event().keys()


def test_a_usage_event_stays_where_it_is_stored() -> None:
    assert partition_of_usage_event(OLD) == "search|2026-11"


def test_migrations_are_in_order_and_are_about_usage_events() -> None:
    numbers = [migration.number for migration in MIGRATIONS]

    assert numbers == sorted(set(numbers))
    assert [migration.container for migration in MIGRATIONS[:2]] == [CONTAINER, CONTAINER]
    assert [migration.upgrade(old) for migration, old in zip(MIGRATIONS, (OLD, SECOND), strict=False)] == [
        SECOND,
        THIRD,
    ]
