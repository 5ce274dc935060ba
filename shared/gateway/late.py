"""Settles what was still unknown when its call ended: background responses and batches, once their owner sees them finished."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from shared.callers.model import Caller
from shared.catalog.model import Tier
from shared.documents import Json as Stored
from shared.documents import StoreUnavailable
from shared.errors import Unavailable
from shared.gateway.call import Call, Json, bounded
from shared.gateway.spending.cost import late_cost
from shared.gateway.spending.provisions import claim, count_difference, provision_for
from shared.gateway.watch import tokens_in
from shared.queues import USAGE_EVENTS
from shared.runtime import Runtime
from shared.usage.model import Attribution, Outcome, Timings, Usage, UsageEvent
from shared.wire.openai.endpoints import Kind, Meter

_FINAL = frozenset({"completed", "failed", "incomplete", "cancelled", "expired"})
_ENDPOINTS = {Kind.RESPONSE: "responses", Kind.BATCH: "batches"}
_SOONEST, _LATEST = 1, 2**32
_log = logging.getLogger("tollgate.provisions")


def settle_late(call: Call, runtime: Runtime, answer: Json) -> None:
    """Settle, in the background, the finished response or batch that an owner has read, by whichever way he reads it.

    Its event has an id made of the object's own. Only what was provided for is settled, and only by the first who takes the
    provision away. So nothing is reported twice: neither what its own call has settled, nor what is read again. While the store is
    down nothing is settled and a later reading does it; where the store was down when the work began, the estimate stays.
    """
    usage = _final_usage(call, answer)
    if usage is not None:
        runtime.background.spawn(_settle(call, runtime, answer, usage))


def _final_usage(call: Call, answer: Json) -> Usage | None:
    """What a finished object says that it used. One that reports nothing, though it did not fail, does not know it yet."""
    kind, status = call.endpoint.owned, answer.get("status")
    if kind not in _ENDPOINTS or not isinstance(answer.get("id"), str) or status not in _FINAL:
        return None
    if kind is Kind.RESPONSE and answer.get("background") is False:
        return None
    usage = tokens_in(answer, Meter.RESPONSE)
    is_told = usage is not None and (usage.tokens.input + usage.tokens.output > 0 or status == "failed")
    return usage if is_told else None


async def _settle(call: Call, runtime: Runtime, answer: Json, usage: Usage) -> None:
    identity = bounded(str(answer["id"]))
    try:
        provision = await provision_for(runtime, identity)
        if provision is None:
            return
        caller = await runtime.callers.by_id(str(provision.body["key"])) or call.caller
        if not await claim(runtime, provision):
            return
    except (StoreUnavailable, Unavailable):
        _log.error("The use of %s could not be settled: its estimate stays charged until it is read again", identity)
        return
    # From here on nothing waits: what is taken away is settled.
    _count(call, runtime, caller, provision.body, answer, usage)
    runtime.sizes.note(identity, usage.tokens.input + usage.tokens.output)
    event = _event(call, runtime, provision.body, answer, usage)
    runtime.events.publish(USAGE_EVENTS, event.id, orjson.dumps(event.to_json()))


def _count(call: Call, runtime: Runtime, caller: Caller, provision: Stored, answer: Json, usage: Usage) -> None:
    named, kept = answer.get("model"), provision["models"]
    aliases = [alias for alias in kept if isinstance(alias, str)] if isinstance(kept, list) else []
    cost = late_cost(usage, named if isinstance(named, str) else None, aliases, runtime, _tier(call, answer))
    tokens = usage.tokens.input + usage.tokens.output
    count_difference(caller, runtime, provision, {"tokens": tokens, "money": cost})


def _tier(call: Call, answer: Json) -> str | None:
    if call.endpoint.owned is Kind.BATCH:
        return Tier.BATCH
    tier = answer.get("service_tier")
    return tier if isinstance(tier, str) and tier in (Tier.PRIORITY, Tier.FLEX) else None


def _event(call: Call, runtime: Runtime, provision: Stored, answer: Json, usage: Usage) -> UsageEvent:
    deployment = runtime.router.deployment(call.deployment or "")
    model, identity, creator = answer.get("model"), bounded(str(answer["id"])), provision["attribution"]
    assert isinstance(creator, Mapping)
    return UsageEvent(
        id=f"late_{identity}",
        started_at=_created(answer, provision),
        endpoint=_ENDPOINTS[call.owned_kind],
        attribution=Attribution(**creator),
        status=200,
        outcome=Outcome.COMPLETED,
        usage=usage,
        timings=Timings(None, 0),
        served_model=bounded(model) if isinstance(model, str) else None,
        deployment=call.deployment,
        provider=deployment.provider if deployment else None,
        region=deployment.region if deployment else None,
        service_tier=_tier(call, answer),
        object_id=identity,
    )


def _created(answer: Json, provision: Stored) -> datetime:
    created = answer.get("created_at")
    if isinstance(created, int | float) and _SOONEST <= created < _LATEST:
        return datetime.fromtimestamp(created, UTC)
    return datetime.fromisoformat(str(provision["at"]))
