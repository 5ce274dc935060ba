"""Step 7: the end of every call, exactly once: one immutable usage event goes to the queue."""

import logging

import orjson

from shared.gateway.call import Call
from shared.gateway.cost import exact_cost
from shared.gateway.estimate import estimate
from shared.gateway.provisions import keep_reserved
from shared.queues import USAGE_EVENTS
from shared.runtime import Runtime
from shared.usage.model import NO_USAGE, Outcome, Source, Timings, Usage, UsageEvent
from shared.wire.openai.endpoints import Kind, Meter

CONTENT_FILTER = "content_filter"
_MEASURED = frozenset({Source.PROVIDER, Source.ESTIMATED})
_log = logging.getLogger("tollgate.calls")


def settle(call: Call, runtime: Runtime, status: int, outcome: Outcome) -> None:
    """Close the call and publish its event; a second time does nothing. Never waits.

    Where usage has to be estimated the event follows when it has been.
    """
    if call.is_settled:
        return
    call.is_settled = True
    ended = runtime.clock.monotonic()
    reported = call.seen.usage
    if call.match is None or call.endpoint.meter is Meter.REQUEST:
        # Reading an answer again must not charge for it again.
        _publish(call, runtime, status, outcome, NO_USAGE, ended)
    elif reported is not None:
        _publish(call, runtime, status, outcome, _with_units(reported, call), ended)
    elif call.seen.is_pending and outcome is Outcome.COMPLETED and not call.streams:
        _publish(call, runtime, status, outcome, Usage(source=Source.PENDING), ended)
    elif _is_billed(call, status, outcome):
        runtime.background.spawn(_publish_estimated(call, runtime, status, outcome, ended))
    else:
        _publish(call, runtime, status, outcome, NO_USAGE, ended)


def _is_billed(call: Call, status: int, outcome: Outcome) -> bool:
    """Whether the provider charges although it reported nothing: an answer, or a prompt that the filter evaluated."""
    if not call.attempts or outcome in (Outcome.REFUSED, Outcome.FAILED):
        return False
    return status < 400 or call.seen.error_code == CONTENT_FILTER or call.seen.is_cut


async def _publish_estimated(call: Call, runtime: Runtime, status: int, outcome: Outcome, ended: float) -> None:
    usage = Usage(units=call.units, source=Source.ESTIMATED)
    try:
        if call.endpoint.meter in (Meter.SPEECH, Meter.IMAGE) and any((call.units.characters, call.units.images)):
            usage = Usage(units=call.units, source=Source.REQUEST)
        else:
            usage = await estimate(call, runtime.counter, with_output=status < 400)
    finally:
        # Whatever goes wrong with the estimate, the call itself must not go missing.
        _publish(call, runtime, status, outcome, usage, ended)


def _with_units(usage: Usage, call: Call) -> Usage:
    return Usage(usage.tokens, call.units, usage.source) if any((call.units.characters, call.units.images)) else usage


def _publish(call: Call, runtime: Runtime, status: int, outcome: Outcome, usage: Usage, ended: float) -> None:
    _give_account(call, runtime, status, usage)
    event = _event(call, runtime, status, outcome, usage, ended)
    runtime.events.publish(USAGE_EVENTS, event.id, orjson.dumps(event.to_json()))
    call.content.json = call.content.form = call.content.raw = None
    call.seen.output.clear()
    call.release()
    if runtime.settings.access_log:
        _log.info(
            "%s %s %s → %s in %d ms, %d attempt(s), %d+%d tokens, team %s",
            status, event.endpoint, event.requested_model or "-", event.deployment or "-", event.timings.total_ms,
            len(event.attempts), usage.tokens.input, usage.tokens.output, event.attribution.team,
        )  # fmt: skip


def _give_account(call: Call, runtime: Runtime, status: int, usage: Usage) -> None:
    """Settle what was reserved with what was used; a call that went nowhere gives everything back."""
    if usage.source in _MEASURED and call.model is not None:
        runtime.outputs.observe((call.model, call.endpoint.name), usage.tokens.output)
    if not call.reservation.taken:
        return
    if not call.attempts:
        call.reservation.release()
        return
    spending = [rule for rule, _ in call.reservation.taken if rule.budget is not None]
    if usage.source is Source.PENDING or (status < 400 and call.endpoint.creates is Kind.BATCH):
        call.reservation.settle(None, None)
        if call.seen.object_id is not None:
            runtime.background.spawn(keep_reserved(call, runtime, call.seen.object_id))
    else:
        cost = exact_cost(call, runtime, usage) if spending else None
        call.reservation.settle(usage.tokens.input + usage.tokens.output, cost)
    for rule in spending:
        level = runtime.leases.level(rule.allowance)
        if rule.budget is not None and level is not None:
            runtime.budgets.notice(rule.budget, rule.team, level)


def _event(call: Call, runtime: Runtime, status: int, outcome: Outcome, usage: Usage, ended: float) -> UsageEvent:
    seen = call.seen
    deployment = runtime.router.deployment(call.deployment) if call.deployment else None
    first_byte = round((call.first_byte - call.started) * 1000) if call.first_byte is not None else None
    return UsageEvent(
        id=call.id,
        started_at=call.started_at,
        endpoint=call.endpoint_name,
        attribution=call.caller.attribution,
        status=status,
        outcome=outcome,
        usage=usage,
        timings=Timings(first_byte, round((ended - call.started) * 1000)),
        attempts=tuple(call.attempts),
        requested_model=call.model,
        served_model=seen.model,
        deployment=call.deployment,
        provider=deployment.provider if deployment else None,
        region=deployment.region if deployment else None,
        service_tier=seen.service_tier,
        streamed=call.streams,
        error_code=seen.error_code,
        finish_reason=seen.finish_reason,
        object_id=seen.object_id,
        request_bytes=call.request_bytes,
        response_bytes=seen.bytes,
        shadow=tuple(dict.fromkeys(call.shadow)),
        downshifted_from=call.downshifted_from,
    )
