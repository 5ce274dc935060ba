"""The simulated way into the ledger."""

from dataclasses import replace
from inspect import signature

from shared.adapters.cosmos_documents import CosmosDocuments
from shared.ledger import service
from tests.load.scale import ingest, partitions
from tests.load.scale.design import Design
from tests.load.scale.ingest import simulate
from tests.load.scale.sweep import BEFORE, TODAY

SHORT_S = 30.0


def test_it_tries_as_often_and_as_long_as_the_code() -> None:
    assert ingest.ATTEMPTS == service.ATTEMPTS
    assert signature(CosmosDocuments).parameters["patience_s"].default == partitions.PATIENCE_S


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert simulate(TODAY, [1.0], 100, 5.0) == simulate(TODAY, [1.0], 100, 5.0)


def test_what_is_offered_is_posted_while_there_is_room() -> None:
    outcome = simulate(TODAY, [1.0], 300, SHORT_S)
    assert outcome.keeps_up
    assert outcome.conflicts == 0
    assert 10 < outcome.units / outcome.posted < 30


def test_one_team_overruns_its_partition() -> None:
    outcome = simulate(TODAY, [1.0], 1_500, SHORT_S)
    assert not outcome.keeps_up
    assert outcome.conflicts > 10


def test_one_team_may_send_more_than_before() -> None:
    assert simulate(TODAY, [1.0], 700, SHORT_S).keeps_up
    assert not simulate(BEFORE, [1.0], 700, SHORT_S).keeps_up


def test_what_was_overrun_recovers() -> None:
    assert simulate(TODAY, [1.0], 100, 120.0, burst=(1_000, 20.0)).keeps_up


def test_few_events_are_waited_for_together() -> None:
    outcome = simulate(TODAY, [1.0], 10, 60.0)
    assert outcome.p95_s < 11
    assert outcome.deliveries < 0.15


def test_shards_and_sessions_bear_more_than_one_partition_takes() -> None:
    outcome = simulate(replace(TODAY, shards=16, sessions=8), [1.0], 1_500, SHORT_S)
    assert outcome.keeps_up


def test_a_session_is_never_with_two_instances_so_nobody_loses_a_race_for_long() -> None:
    outcome = simulate(replace(TODAY, sessions=8), [1.0], 400, SHORT_S)
    assert outcome.keeps_up
    assert outcome.conflicts < 1


def test_a_small_container_throttles() -> None:
    outcome = simulate(Design("small", units=1_000), [1.0], 100, SHORT_S)
    assert outcome.throttled > 0
    assert outcome.units <= 1_100


def test_the_standard_bus_gives_what_its_credits_allow() -> None:
    outcome = simulate(replace(TODAY, credits=200.0, shards=4), [0.5, 0.5], 150, SHORT_S)
    assert 90 <= outcome.posted <= 105
