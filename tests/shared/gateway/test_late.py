"""Work in the background is settled once, with what it used, by whichever way its end is seen."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock

import orjson
import pytest

from shared.budgets.model import allowance_of
from shared.directory.model import Budget
from shared.documents import StoreUnavailable
from shared.gateway.late import Found, give_up, look
from shared.gateway.message import GatewayResponse
from shared.gateway.spending.provisions import keep_pending, keep_provision
from shared.jobs.usage_ingest import ingest, parsed
from shared.leases.service import Leases
from shared.ledger.model import Grain, View, total_of
from shared.ledger.store import LedgerStore
from shared.ownership.open_work import OpenWorkStore
from shared.providers.port import ConnectionLost
from shared.windows import Window
from shared.wire.openai.endpoints import Kind
from tests.shared.gateway.batch_files import line, uploaded
from tests.shared.gateway.harness import Gateway, collect, collect_until_cut, event, json_answer, sse_answer
from tests.shared.gateway.limited import gateway_with
from tests.shared.ledger.synthetic import event as stored_event
from tests.shared.ledger.synthetic import intake

DOLLAR = "id: bud_a, scope: teams/research, amount: '1'"
TRUE_COST = 9 * 2_500 + 50_000 * 10_000
CREATED = 1_790_000_000
CREATED_BEFORE, CREATED_AFTER = datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
QUEUED = {"id": "resp_1", "object": "response", "status": "queued", "background": True, "created_at": CREATED,
          "model": "gpt-4o", "output": [], "usage": None}  # fmt: skip
DONE = {**QUEUED, "status": "completed", "usage": {"input_tokens": 9, "output_tokens": 50_000}}


def spent(gateway: Gateway) -> int:
    level = gateway.leases.level(allowance_of(budget_of(gateway)))
    return level.used if level else 0


def budget_of(gateway: Gateway) -> Budget:
    return gateway.runtime.config.budgets[0]


def body(**more: object) -> dict[str, object]:
    return {"model": "gpt-4o", "input": "x", "background": True, "max_output_tokens": 1000, **more}


def told(status: str, response: dict[str, Any]) -> bytes:
    return event(type=f"response.{status}", response=response)


async def make(gateway: Gateway, answer: Any, **more: object) -> GatewayResponse:
    gateway.upstream.answers = [answer]
    made = await gateway.call("POST", "/v1/responses", body(**more))
    assert made.status == 200
    return made


async def read(gateway: Gateway, response: dict[str, Any] | None = None, *, as_stream: bool = False) -> None:
    response = response or DONE
    gateway.upstream.answers = [sse_answer(told("completed", response)) if as_stream else json_answer(response)]
    answer = await gateway.call("GET", "/v1/responses/resp_1", query="stream=true" if as_stream else "")
    if as_stream:
        await collect(answer)
    await gateway.settled()


def late(gateway: Gateway) -> list[dict[str, Any]]:
    return [item for item in gateway.events.events if item["id"].startswith("late_")]


def tokens(gateway: Gateway) -> int:
    return sum(item["tokens"]["output_text"] for item in gateway.events.events)


@pytest.mark.parametrize("as_stream", [False, True])
async def test_it_is_settled_whether_its_end_is_read_or_followed(tmp_path: Path, as_stream: bool) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()

    await read(gateway, as_stream=as_stream)
    await read(gateway, as_stream=not as_stream)

    assert spent(gateway) == TRUE_COST
    assert (len(late(gateway)), tokens(gateway)) == (1, 50_000)


async def test_who_follows_it_and_leaves_has_seen_its_end_nevertheless(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    gateway.upstream.answers = [sse_answer(told("created", QUEUED), told("completed", DONE))]

    answer = await gateway.call("GET", "/v1/responses/resp_1", query="stream=true")
    stream = cast(AsyncGenerator[bytes], answer.body)
    await anext(stream)
    await stream.aclose()
    await gateway.settled()

    assert spent(gateway) == TRUE_COST


@pytest.mark.parametrize("cut", [False, True])
async def test_a_stream_that_is_left_before_its_end_stays_provided_for_until_it_is_read(
    tmp_path: Path, cut: bool
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    pieces = [told("created", {**QUEUED, "status": "in_progress"}), *([ConnectionLost()] if cut else [])]
    answer = await make(gateway, sse_answer(*pieces), stream=True)
    if cut:
        await collect_until_cut(answer)
    else:
        stream = cast(AsyncGenerator[bytes], answer.body)
        await anext(stream)
        await stream.aclose()
    (pending,) = await gateway.settled()
    assert pending["usage_source"] == "pending"
    assert spent(gateway) > 1000 * 10_000

    await read(gateway)

    assert spent(gateway) == TRUE_COST
    assert tokens(gateway) == 50_000


async def test_a_stream_in_the_background_that_never_tells_its_id_counts_as_reserved(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)

    await collect_until_cut(await make(gateway, sse_answer(b": hello\n\n", ConnectionLost()), stream=True))

    (cut,) = await gateway.settled()
    assert (cut["estimated"], cut["tokens"]["output_text"]) == (True, 1000)
    assert spent(gateway) > 1000 * 10_000


@pytest.mark.parametrize("as_stream", [False, True])
async def test_what_came_to_its_end_within_its_own_call_is_not_charged_again(tmp_path: Path, as_stream: bool) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    stream = sse_answer(told("created", {**QUEUED, "status": "in_progress"}), told("completed", DONE))
    answer = await make(gateway, stream if as_stream else json_answer(DONE), stream=as_stream)
    if as_stream:
        await collect(answer)
    await gateway.settled()

    await read(gateway)
    await read(gateway, as_stream=True)

    assert spent(gateway) == TRUE_COST
    assert (late(gateway), tokens(gateway)) == ([], 50_000)


async def test_it_is_reported_once_also_where_nothing_counts_it(gateway: Gateway) -> None:
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()

    await read(gateway)
    gateway.events.events.clear()
    gateway.events._seen.clear()
    await read(gateway)

    assert late(gateway) == []


async def test_it_is_reported_as_its_makers_whoever_of_the_team_reads_it(gateway: Gateway) -> None:
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    document = await gateway.documents.get("provisions", "resp_1", "resp_1")
    assert document is not None
    attribution = {**cast(dict[str, Any], document.body["attribution"]), "key": "vk_colleague"}
    await gateway.documents.upsert("provisions", "resp_1", {**document.body, "attribution": attribution})

    await read(gateway)

    assert [item["key"] for item in late(gateway)] == ["vk_colleague"]


async def test_while_the_store_is_down_nothing_is_settled_and_later_everything(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()

    gateway.documents.is_down = True
    await read(gateway)
    assert late(gateway) == []
    gateway.documents.is_down = False
    await read(gateway)

    assert spent(gateway) == TRUE_COST
    assert len(late(gateway)) == 1


async def test_a_store_that_fails_when_it_is_taken_away_leaves_the_difference_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_with(
        tmp_path, "id: pol_a, scope: teams/research, quotas: [{tokens: 1000000, period: month}]", DOLLAR
    )
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    reserved = spent(gateway)

    async def fail(*_: object) -> bool:
        raise StoreUnavailable("down")

    with monkeypatch.context() as broken:
        broken.setattr(gateway.documents, "delete", fail)
        await read(gateway)
    assert spent(gateway) == reserved

    await read(gateway)
    assert spent(gateway) == TRUE_COST
    assert len(late(gateway)) == 1


async def test_a_difference_counts_also_where_nothing_is_left(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '0.02'")
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()

    await read(gateway)
    await gateway.leases.tend()

    assert spent(gateway) == TRUE_COST
    other = Leases(gateway.documents, gateway.clock, "other", gateway.runtime.background.spawn)
    assert (await other.look(allowance_of(budget_of(gateway)))).used == TRUE_COST
    alerts, _ = await gateway.runtime.administration.alerts.page()
    assert 100 in [alert.percent for alert in alerts]


async def test_what_was_reserved_on_no_budget_is_paid_back_to_none(tmp_path: Path) -> None:
    """A budget that was made after the work began must not be filled by it."""
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED), max_output_tokens=50_000)
    await gateway.settled()
    document = await gateway.documents.get("provisions", "resp_1", "resp_1")
    assert document is not None
    before = spent(gateway)
    await gateway.documents.upsert("provisions", "resp_1", {**document.body, "reserved": {"budget:bud_of_old": 10**9}})

    await read(gateway, {**DONE, "usage": {"input_tokens": 1, "output_tokens": 1}})

    assert spent(gateway) == before


BATCH_PRICES = """
prices:
  - {model: "gpt-4o*", input: "2.50", output: "10"}
  - {model: "gpt-4o*", tier: batch, input: "1.25", output: "5"}
"""


@pytest.mark.parametrize("named", ["gpt-4o-2024-11-20", None, "our-own-name"])
async def test_a_batch_costs_what_batches_cost_also_where_it_does_not_name_its_model(
    tmp_path: Path, named: str | None
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=BATCH_PRICES)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000))
    gateway.upstream.answers = [json_answer({"id": "batch_1", "object": "batch", "status": "validating"})]
    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in", "endpoint": "/v1/responses"})
    await gateway.settled()
    done = {"id": "batch_1", "status": "completed", "created_at": CREATED, "model": named,
            "usage": {"input_tokens": 100, "output_tokens": 2000}}  # fmt: skip

    gateway.upstream.answers = [json_answer(done)]
    await gateway.call("GET", "/v1/batches/batch_1")
    await gateway.settled()

    assert spent(gateway) == 100 * 1_250 + 2000 * 5_000


async def test_a_batch_that_failed_before_it_began_costs_nothing(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000))
    gateway.upstream.answers = [json_answer({"id": "batch_1", "object": "batch", "status": "validating"})]
    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in", "endpoint": "/v1/responses"})
    await gateway.settled()
    assert spent(gateway) > 0

    usage = {"input_tokens": 0, "output_tokens": 0}
    gateway.upstream.answers = [json_answer({"id": "batch_1", "status": "failed", "created_at": 1, "usage": usage})]
    await gateway.call("GET", "/v1/batches/batch_1")
    await gateway.settled()

    assert spent(gateway) == 0


async def test_its_event_says_all_that_its_price_depends_on(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=BATCH_PRICES)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000))
    gateway.upstream.answers = [json_answer({"id": "batch_1", "object": "batch", "status": "validating"})]
    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in", "endpoint": "/v1/responses"})
    await gateway.settled()
    gateway.clock.advance(3600)

    gateway.upstream.rule = lambda _: json_answer(
        {"id": "batch_1", "status": "completed", "usage": {"input_tokens": 1}}
    )
    assert await look(gateway.runtime, "batch_1") is Found.SETTLED

    (event,) = late(gateway)
    told = {
        name: event[name]
        for name in ("endpoint", "catalog_model", "requested_model", "processing", "provider", "deployment")
    }
    assert told == {
        "endpoint": "batches",
        "catalog_model": "gpt-4o",
        "requested_model": "gpt-4o",
        "processing": "global",
        "provider": "azure_openai",
        "deployment": "east",
    }
    assert (event["service_tier"], event["capacity"]) == ("batch", "standard")
    assert event["started_at"] == "2026-01-01T00:00:00.000+00:00"
    assert parsed(orjson.dumps(event), gateway.clock.now())["id"] == "late_batch_1"


@pytest.mark.parametrize("step", ["delete", "flush"])
async def test_killed_at_any_step_the_event_is_there_once_and_the_budget_is_right_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    reserved = spent(gateway)
    gateway.upstream.rule = lambda _: json_answer(DONE)

    async def killed(*_: object) -> bool:
        raise StoreUnavailable("killed")

    with monkeypatch.context() as broken:
        broken.setattr(gateway.events if step == "flush" else gateway.documents, step, killed)
        with pytest.raises(StoreUnavailable):
            await look(gateway.runtime, "resp_1")
    assert spent(gateway) == reserved

    assert await look(gateway.runtime, "resp_1") is Found.SETTLED
    assert await look(gateway.runtime, "resp_1") is Found.NOTHING
    assert (spent(gateway), len(late(gateway))) == (TRUE_COST, 1)


async def test_all_who_see_it_at_the_same_time_settle_it_once(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    gateway.upstream.rule = lambda _: json_answer(DONE)

    await asyncio.gather(
        *(look(gateway.runtime, "resp_1") for _ in range(4)),
        *(gateway.call("GET", "/v1/responses/resp_1") for _ in range(4)),
    )
    await gateway.settled()

    assert (spent(gateway), len(late(gateway))) == (TRUE_COST, 1)


async def test_what_is_given_up_is_reported_as_the_estimate_that_it_is(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    reserved = spent(gateway)

    assert await give_up(gateway.runtime, "resp_1") is True
    assert await give_up(gateway.runtime, "resp_1") is False
    await read(gateway)

    (event,) = late(gateway)
    assert (event["estimated"], event["finish_reason"], event["tokens"]["output_text"]) == (
        True,
        "usage_never_told",
        1000,
    )
    assert spent(gateway) == reserved


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (json_answer({}, 404), Found.UNTOLD),
        (json_answer({}, 429), Found.UNREACHABLE),
        (json_answer({**DONE, "status": "cancelled", "usage": None}), Found.UNTOLD),
        (json_answer({**DONE, "status": "in_progress"}), Found.GOES_ON),
        (ConnectionLost(), Found.UNREACHABLE),
    ],
)
async def test_a_look_says_what_it_saw(gateway: Gateway, answer: Any, found: Found) -> None:
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    gateway.upstream.answers = [answer]

    assert await look(gateway.runtime, "resp_1") is found
    assert late(gateway) == []


async def begun_while_the_store_was_away(gateway: Gateway, answer: Any = None, **more: object) -> dict[str, Any]:
    """Return the event of a response that nothing could be kept of."""
    with pytest.MonkeyPatch.context() as broken:
        await make(gateway, answer or json_answer(QUEUED), **more)
        for step in ("create", "upsert"):
            broken.setattr(gateway.documents, step, AsyncMock(side_effect=StoreUnavailable("away")))
        return (await gateway.settled())[0]


async def posted(gateway: Gateway, *events: dict[str, Any]) -> None:
    runtime = gateway.runtime
    into = replace(intake(gateway.documents, gateway.clock), provide=partial(keep_pending, runtime))
    await ingest([orjson.dumps(each) for each in events], into, runtime.last_use)


async def test_what_began_while_the_store_was_away_is_settled_once_its_event_is_posted(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    pending = await begun_while_the_store_was_away(gateway)
    reserved = spent(gateway)
    assert await look(gateway.runtime, "resp_1") is Found.NOTHING

    await posted(gateway, pending)
    await posted(gateway, pending)
    (work,) = await OpenWorkStore(gateway.documents).due(gateway.clock.now() + timedelta(minutes=5), 9)
    assert (work.id, work.kind, work.team) == ("resp_1", Kind.RESPONSE, "research")
    gateway.upstream.rule = lambda _: json_answer(DONE)
    assert await look(gateway.runtime, "resp_1") is Found.SETTLED

    (event,) = late(gateway)
    same = (
        "team",
        "key",
        "application",
        "user",
        "started_at",
        "deployment",
        "provider",
        "processing",
        "requested_model",
    )
    assert {name: event[name] for name in same} == {name: pending[name] for name in same}
    assert event["tokens"]["output_text"] == 50_000
    # What was reserved is in no event, so nothing is counted a second time.
    assert spent(gateway) == reserved

    await posted(gateway, pending, event)
    assert await look(gateway.runtime, "resp_1") is Found.NOTHING
    totals = LedgerStore(gateway.documents).cells(View.TOTAL, Grain.MONTH, Window("", CREATED_BEFORE, CREATED_AFTER))
    sums = total_of([cell async for cell in totals])
    assert (sums.get("pending"), sums["requests"], sums["tokens.output_text"]) == (None, 1, 50_000)


async def test_what_its_call_provided_for_is_not_provided_for_anew(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    (pending,) = await gateway.settled()

    await posted(gateway, pending)
    await read(gateway)

    assert spent(gateway) == TRUE_COST


async def test_whoever_comes_first_what_was_reserved_is_known_in_the_end(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    (pending,) = await gateway.settled()
    provision = await gateway.documents.get("provisions", "resp_1", "resp_1")
    assert provision is not None
    await gateway.documents.delete("provisions", "resp_1", "resp_1")

    await posted(gateway, pending)
    await keep_provision(gateway.runtime, provision.body)
    await read(gateway)

    assert spent(gateway) == TRUE_COST


@pytest.mark.parametrize("step", ["get", "upsert", "create"])
async def test_killed_while_it_is_provided_for_the_message_that_comes_again_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    pending = await begun_while_the_store_was_away(gateway)
    with monkeypatch.context() as broken:
        broken.setattr(gateway.documents, step, AsyncMock(side_effect=StoreUnavailable("killed")))
        with pytest.raises(StoreUnavailable):
            await keep_pending(gateway.runtime, pending)

    await keep_pending(gateway.runtime, pending)

    gateway.upstream.rule = lambda _: json_answer(DONE)
    assert await look(gateway.runtime, "resp_1") is Found.SETTLED


async def test_a_batch_that_began_while_the_store_was_away_is_settled_too(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=BATCH_PRICES)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000))
    gateway.upstream.answers = [json_answer({"id": "batch_1", "object": "batch", "status": "validating"})]
    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in", "endpoint": "/v1/responses"})
    event = (await gateway.settled())[-1]
    await gateway.documents.delete("provisions", "batch_1", "batch_1")
    await gateway.documents.delete("provisions", "open", "batch_1")

    await posted(gateway, event)
    done = {
        "id": "batch_1",
        "status": "completed",
        "model": "gpt-4o",
        "usage": {"input_tokens": 100, "output_tokens": 7},
    }
    gateway.upstream.rule = lambda _: json_answer(done)
    assert await look(gateway.runtime, "batch_1") is Found.SETTLED

    assert [(each["service_tier"], each["tokens"]["output_text"]) for each in late(gateway)] == [("batch", 7)]


@pytest.mark.parametrize("changes", [{"object_id": None}, {"object_id": ""}, {"usage_source": "none"}])
async def test_where_nothing_goes_on_nothing_is_provided_for(gateway: Gateway, changes: dict[str, Any]) -> None:
    await keep_pending(gateway.runtime, {**stored_event(usage_source="pending", object_id="resp_1"), **changes})

    assert (await gateway.documents.changes("provisions")).documents == ()


async def test_what_a_budget_had_sent_to_another_model_says_so_when_it_is_settled(gateway: Gateway) -> None:
    await keep_pending(
        gateway.runtime,
        stored_event(usage_source="pending", object_id="resp_1", downshifted_from="gpt-4o", deployment="east"),
    )
    gateway.upstream.rule = lambda _: json_answer(DONE)

    assert await look(gateway.runtime, "resp_1") is Found.SETTLED
    assert [event["downshifted_from"] for event in late(gateway)] == ["gpt-4o"]


async def pending_of(gateway: Gateway) -> int | None:
    """Return how many calls the ledger says go on."""
    totals = LedgerStore(gateway.documents).cells(View.TOTAL, Grain.MONTH, Window("", CREATED_BEFORE, CREATED_AFTER))
    return total_of([cell async for cell in totals]).get("pending")


NOTHING_MADE = {"request_counts": {"total": 1, "completed": 0, "failed": 0}}
SOME_MADE = {"model": "gpt-4o", "usage": {"input_tokens": 100, "output_tokens": 7}}


@pytest.mark.parametrize(
    "end",
    [
        {"status": "completed", **SOME_MADE},
        {"status": "failed", **NOTHING_MADE},
        {"status": "cancelled", **NOTHING_MADE},
        {"status": "cancelled", **SOME_MADE},
        {"status": "expired", **NOTHING_MADE},
        {"status": "expired"},
    ],
)
@pytest.mark.parametrize("late_first", [False, True])
async def test_a_batch_is_pending_until_its_end_whatever_that_is(
    tmp_path: Path, end: dict[str, Any], late_first: bool
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=BATCH_PRICES)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000))
    gateway.upstream.answers = [json_answer({"id": "batch_1", "object": "batch", "status": "validating"})]
    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in", "endpoint": "/v1/responses"})
    created = (await gateway.settled())[-1]
    if not late_first:
        await posted(gateway, created, created)
        assert await pending_of(gateway) == 1

    gateway.upstream.rule = lambda _: json_answer({"id": "batch_1", **end})
    found = await look(gateway.runtime, "batch_1")
    assert found is (Found.SETTLED if len(end) > 1 else Found.UNTOLD)
    await give_up(gateway.runtime, "batch_1")
    (settled,) = late(gateway)
    await posted(gateway, settled)
    await posted(gateway, created, settled)

    assert await pending_of(gateway) is None
    assert await look(gateway.runtime, "batch_1") is Found.NOTHING


async def test_a_batch_that_was_refused_leaves_nothing_pending(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=BATCH_PRICES)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000))
    gateway.upstream.answers = [json_answer({"error": {"message": "no", "type": "invalid_request_error"}}, status=400)]
    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in", "endpoint": "/v1/responses"})

    await posted(gateway, (await gateway.settled())[-1])

    assert await pending_of(gateway) is None
