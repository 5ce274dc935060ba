"""Settles what was still unknown when its call ended: background responses and batches, once their owner sees them finished."""

from datetime import UTC, datetime

import orjson

from shared.gateway.call import Call, Json
from shared.gateway.cost import cost_of
from shared.gateway.provisions import settle_difference
from shared.gateway.watch import tokens_in
from shared.queues import USAGE_EVENTS
from shared.runtime import Runtime
from shared.usage.model import Outcome, Timings, UsageEvent
from shared.wire.openai.endpoints import Kind, Meter

_FINAL = frozenset({"completed", "failed", "incomplete", "cancelled", "expired"})
_ENDPOINTS = {Kind.RESPONSE: "responses", Kind.BATCH: "batches"}


def settle_late(call: Call, runtime: Runtime, answer: Json) -> None:
    """Publish the usage of a finished background response or batch, under an id made of its own.

    However often it is read, its event is the same and is stored once: id and time come from the object, not from this call.
    """
    kind, identity, created = call.endpoint.owned, answer.get("id"), answer.get("created_at")
    if kind not in _ENDPOINTS or not isinstance(identity, str) or not isinstance(created, int | float):
        return
    if answer.get("status") not in _FINAL or (kind is Kind.RESPONSE and answer.get("background") is not True):
        return
    usage = tokens_in(answer, Meter.RESPONSE)
    if usage is None or usage.tokens.input + usage.tokens.output == 0:
        return
    model = answer.get("model")
    deployment = runtime.router.deployment(call.deployment or "")
    event = UsageEvent(
        id=f"late_{identity}",
        started_at=datetime.fromtimestamp(created, UTC),
        endpoint=_ENDPOINTS[kind],
        attribution=call.caller.attribution,
        status=200,
        outcome=Outcome.COMPLETED,
        usage=usage,
        timings=Timings(None, 0),
        served_model=model if isinstance(model, str) else None,
        deployment=call.deployment,
        provider=deployment.provider if deployment else None,
        region=deployment.region if deployment else None,
        object_id=identity,
    )
    runtime.events.publish(USAGE_EVENTS, event.id, orjson.dumps(event.to_json()))
    if call.caller.policy.counts:
        tokens = usage.tokens.input + usage.tokens.output
        runtime.background.spawn(
            settle_difference(call, runtime, identity, tokens, cost_of(usage, event.served_model, runtime))
        )
