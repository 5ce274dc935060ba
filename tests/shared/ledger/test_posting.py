from datetime import timedelta
from typing import Any

import pytest

from shared.catalog.model import Charge, Unpriced
from shared.ledger.model import Capacity, EntryType, add
from shared.ledger.posting import entry_of
from tests.shared.ledger.synthetic import MORNING, event, per_token

NOW = MORNING + timedelta(minutes=1)


def entry(**changes: Any) -> Any:
    made = event(**changes)
    return entry_of(made, per_token(made), NOW)


def test_an_event_becomes_an_entry_with_everything_it_can_be_grouped_by() -> None:
    made = entry(tags={"pr": "acme/shop#1", "env": "dev"})

    assert made.id == "led_req_1"
    assert (made.event, made.at, made.posted_at, made.session) == ("req_1", MORNING, NOW, "s1")
    assert made.dimensions.to_json() == {
        "team": "search", "type": "usage", "currency": "USD", "area": "products", "application": "bot", "user": "ada",
        "key": "vk_search", "cost_center": "cc-7", "endpoint": "chat.completions", "model": "gpt-4o", "deployment": "azure",
        "provider": "azure_openai", "region": "global", "tier": "default", "capacity": "standard",
    }  # fmt: skip
    assert made.tags == ("env=dev", "pr=acme/shop#1")


def test_what_is_counted_are_whole_numbers_under_known_names() -> None:
    assert entry().counted() == {
        "requests": 1, "tool_calls": 2, "entries": 1,
        "tokens.input_fresh": 100, "tokens.input_cached": 20, "tokens.output_text": 30,
        "cost": 1050, "cost.input_fresh": 700, "cost.input_cached": 140, "cost.output_text": 210, "saved.cache": 40,
        "latency.35": 1, "first_byte.26": 1,
    }  # fmt: skip


def test_without_a_price_nothing_is_said_to_be_free() -> None:
    made = entry_of(event(), Unpriced("secret", ("output_text",)), NOW)

    assert (made.cost, made.unpriced, made.price) == (None, ("output_text",), None)
    assert made.counted()["unpriced"] == 1
    assert "cost" not in made.counted()


@pytest.mark.parametrize(("source", "pending"), [("none", 0), ("pending", 1)])
def test_what_nobody_bills_or_knows_yet_costs_nothing_and_is_not_unpriced(source: str, pending: int) -> None:
    made = entry_of(event(usage_source=source, tokens={}), Unpriced("gpt-4o", ("price",)), NOW)

    assert (made.cost, made.unpriced, made.price) == (0, (), None)
    assert made.counted().get("pending", 0) == pending
    assert "unpriced" not in made.counted()


def test_pictures_and_speech_that_follow_from_the_request_cost_what_they_cost() -> None:
    made = entry_of(event(usage_source="request", tokens={}, units={"images": 2}), Charge(80, "p", {"images": 80}), NOW)

    assert (made.cost, made.sums["units.images"]) == (80, 2)


def test_use_of_a_locked_period_is_an_adjustment() -> None:
    made = entry_of(event(), per_token(event()), NOW, is_locked=True)

    assert (made.id, made.dimensions.type, made.reason) == ("led_req_1", EntryType.ADJUSTMENT, "late")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"outcome": "refused", "status": 403}, "refused"),
        ({"outcome": "refused", "status": 429}, "rate_limited"),
        ({"outcome": "upstream_error", "status": 429}, "rate_limited"),
        ({"outcome": "upstream_error", "status": 500}, "upstream"),
        ({"outcome": "upstream_error", "status": 400, "error_code": "content_filter"}, "content_filter"),
        ({"finish_reason": "content_filter"}, "content_filter"),
        ({"outcome": "client_gone"}, "client_gone"),
        ({"outcome": "stream_cut"}, "cut"),
        ({"outcome": "failed", "status": 500}, "failed"),
        ({}, None),
    ],
)
def test_every_failure_is_of_one_class(changes: dict[str, Any], name: str | None) -> None:
    errors = [key for key in entry(**changes).sums if key.startswith("errors.")]

    assert errors == ([f"errors.{name}"] if name else [])


def test_a_model_that_was_only_asked_for_counts_where_a_deployment_serves_it() -> None:
    unknown = {"catalog_model": None, "served_model": None}

    assert entry(**unknown).dimensions.model == "smart"
    assert entry(**unknown, deployment=None).dimensions.model is None
    assert entry(catalog_model=None).dimensions.model == "gpt-4o-2024-11-20"


def test_a_call_that_no_upstream_was_asked_for_takes_no_time() -> None:
    sums = entry(attempts=[], outcome="refused", status=429).sums

    assert [name for name in sums if name.startswith(("latency", "first_byte"))] == []


def test_what_was_found_out_later_is_no_call_of_its_own() -> None:
    made = entry(id="late_resp_1", attempts=[])

    assert "requests" not in made.sums
    assert made.cost == 1050


def test_what_people_choose_is_bounded() -> None:
    made = entry(tags={f"t{n:02}": "x" * 500 for n in range(30)}, user="u" * 900)

    assert len(made.tags) == 10
    assert max(len(tag) for tag in made.tags) == len(made.dimensions.user) == 200


def test_tier_and_capacity_are_those_of_the_answer() -> None:
    made = event(service_tier="fast", capacity="spillover", streamed=True, usage_source="estimated", shadow=["budget"])
    entry = entry_of(made, per_token(made), NOW, tier="priority")

    assert (entry.dimensions.tier, entry.dimensions.capacity) == ("priority", Capacity.SPILLOVER)
    assert (entry.sums["streamed"], entry.sums["estimated"], entry.sums["shadow"]) == (1, 1, 1)
    assert entry_of(made, per_token(made), NOW).dimensions.tier == "fast"


BATCH = {"endpoint": "batches.create", "usage_source": "none", "tokens": {}, "object_id": "batch_1"}


@pytest.mark.parametrize(
    "begun", [BATCH, {"endpoint": "responses", "usage_source": "pending", "tokens": {}, "object_id": "resp_1"}]
)
@pytest.mark.parametrize("source", ["provider", "estimated"])
def test_what_is_found_out_later_or_given_up_takes_away_what_its_call_left_pending(
    begun: dict[str, Any], source: str
) -> None:
    first = entry(**begun)
    late = entry(id=f"late_{begun['object_id']}", endpoint="batches", attempts=[], usage_source=source)

    assert (first.cost, first.sums["pending"]) == (0, 1)
    for order in ([first, late], [late, first]):
        assert add(*(each.counted() for each in order)).get("pending", 0) == 0


@pytest.mark.parametrize(
    "changes", [{"status": 400}, {"status": 499}, {"object_id": None}, {"endpoint": "batches.list"}]
)
def test_a_call_that_begins_no_batch_leaves_nothing_pending(changes: dict[str, Any]) -> None:
    assert "pending" not in entry(**BATCH | changes).sums


def test_what_was_saved_by_another_model_is_counted() -> None:
    assert entry_of(event(), per_token(event()), NOW, saved_downshift=12).sums["saved.downshift"] == 12
