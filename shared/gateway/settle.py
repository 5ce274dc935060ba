"""Step 7: the end of every call, exactly once: one immutable usage event goes to the queue."""

import logging
from dataclasses import replace

import orjson

from shared.gateway.call import Call
from shared.gateway.spending.account import End, give_account
from shared.gateway.spending.estimate import estimate
from shared.gateway.trace import trace_of
from shared.providers.model import Deployment
from shared.queues import USAGE_EVENTS
from shared.runtime import Runtime
from shared.settings import AccessLog
from shared.telemetry.ended import Ended
from shared.telemetry.logs import json_line, text_line
from shared.usage.model import NO_USAGE, Outcome, Source, Timings, Usage, UsageEvent
from shared.wire.openai.endpoints import Meter

CONTENT_FILTER = "content_filter"
SHADOWS = 50
"""Rules in shadow mode that an event names at most: a batch file can fall foul of one with each of its lines."""

_MADE = {
    Meter.CHAT: "output_text",
    Meter.COMPLETION: "output_text",
    Meter.RESPONSE: "output_text",
    Meter.IMAGE: "output_image",
    Meter.SPEECH: "output_audio",
}
_log = logging.getLogger("tollgate.calls")


def settle(call: Call, runtime: Runtime, status: int, outcome: Outcome) -> None:
    """Close the call and publish its event; a second time does nothing. Never waits.

    Where usage has to be estimated the event follows when it has been.
    """
    if call.is_settled:
        return
    call.is_settled = True
    call.reservation.end_call()
    end = End(status, outcome, runtime.clock.monotonic(), _is_in_doubt(call, status, outcome))
    reported = call.seen.usage
    if call.match is None or call.endpoint.meter is Meter.REQUEST:
        # Reading an answer again must not charge for it again.
        _publish(call, runtime, end, NO_USAGE)
    elif reported is not None:
        _publish(call, runtime, replace(end, is_in_doubt=False), _with_units(reported, call))
    elif _goes_on(call, status):
        _publish(call, runtime, end, Usage(source=Source.PENDING))
    elif end.is_in_doubt or _is_billed(call, status, outcome):
        runtime.background.spawn(_publish_estimated(call, runtime, end))
    else:
        _publish(call, runtime, end, NO_USAGE)


def _goes_on(call: Call, status: int) -> bool:
    """Whether the work goes on without the call: a response in the background that did not come to its end here."""
    return status < 400 and call.seen.is_pending and (not call.streams or _is_background(call))


def _is_background(call: Call) -> bool:
    return (call.content.json or {}).get("background") is True


def _is_in_doubt(call: Call, status: int, outcome: Outcome) -> bool:
    """Whether nobody knows what the call has brought about upstream, so that it counts as what was reserved for it."""
    if status < 400:
        # A stream in the background that never told its id cannot be asked for later.
        return call.streams and _is_background(call) and call.seen.object_id is None
    return call.is_in_doubt and not (call.seen.is_cut and outcome is not Outcome.FAILED)


def _is_billed(call: Call, status: int, outcome: Outcome) -> bool:
    """Whether the provider charges although it reported nothing: an answer, or a prompt that the filter evaluated."""
    if not call.attempts or outcome in (Outcome.REFUSED, Outcome.FAILED):
        return False
    return status < 400 or call.seen.error_code == CONTENT_FILTER or call.seen.is_cut


async def _publish_estimated(call: Call, runtime: Runtime, end: End) -> None:
    usage = Usage(units=call.units, source=Source.ESTIMATED)
    try:
        if call.endpoint.meter in (Meter.SPEECH, Meter.IMAGE) and any((call.units.characters, call.units.images)):
            usage = Usage(units=call.units, source=Source.REQUEST)
        else:
            usage = await estimate(call, runtime.counter, with_output=end.status < 400 or call.seen.is_cut)
            if end.is_in_doubt and (made := _MADE.get(call.endpoint.meter)):
                usage = replace(usage, tokens=replace(usage.tokens, **{made: call.reservation.output}))
    finally:
        # Whatever goes wrong with the estimate, the call itself must not go missing.
        _publish(call, runtime, end, usage)


def _with_units(usage: Usage, call: Call) -> Usage:
    return Usage(usage.tokens, call.units, usage.source) if any((call.units.characters, call.units.images)) else usage


def _publish(call: Call, runtime: Runtime, end: End, usage: Usage) -> None:
    try:
        give_account(call, runtime, end, usage)
        event = _event(call, runtime, end, usage)
        _report(runtime, event)
        _tell(call, runtime, event)
    finally:
        call.content.json = call.content.form = call.content.raw = None
        call.seen.output.clear()
        call.release()


def _report(runtime: Runtime, event: UsageEvent) -> None:
    try:
        runtime.events.publish(USAGE_EVENTS, event.id, orjson.dumps(event.to_json()))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        # The answer is made and paid for: its caller shall have it.
        _log.error("The usage event of %s is lost: %s", event.id, type(error).__name__)


def _tell(call: Call, runtime: Runtime, event: UsageEvent) -> None:
    """Tell telemetry and the log of the call, neither of which makes it wait."""
    telemetry = runtime.telemetry
    if telemetry.is_on:
        own_s = call.asked - call.started - call.sending_s if call.asked is not None else None
        settled_ms = round((runtime.clock.monotonic() - call.started) * 1000)
        telemetry.call_ended(Ended(event, call.method, call.traceparent, own_s, settled_ms, call.limit))
    match runtime.settings.access_log:
        case AccessLog.TEXT:
            _log.info("%s", text_line(event))
        case AccessLog.JSON:
            _log.info("%s", json_line(event, telemetry.models, call.traceparent))


def _event(call: Call, runtime: Runtime, end: End, usage: Usage) -> UsageEvent:
    seen = call.seen
    deployment = runtime.router.deployment(call.deployment) if call.deployment else None
    first_byte = round((call.first_byte - call.started) * 1000) if call.first_byte is not None else None
    return UsageEvent(
        id=call.id,
        started_at=call.started_at,
        endpoint=call.endpoint_name,
        attribution=call.caller.attribution,
        status=end.status,
        outcome=end.outcome,
        usage=usage,
        timings=Timings(first_byte, round((end.at - call.started) * 1000)),
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
        shadow=tuple(dict.fromkeys(call.shadow))[:SHADOWS],
        downshifted_from=call.downshifted_from,
        catalog_model=deployment.catalogued(call.model or "") or None if deployment else None,
        processing=deployment.processing if deployment else None,
        capacity=_capacity(call, runtime, deployment),
        tags=call.tags,
        trace=trace_of(call),
    )


def _capacity(call: Call, runtime: Runtime, deployment: Deployment | None) -> str:
    """How what served the call is paid. The provider's own spillover shows in a header, ours in the attempts."""
    if deployment is None:
        return "standard"
    if deployment.capacity == "provisioned":
        return "spillover" if call.seen.is_spillover else "provisioned"
    tried = (runtime.router.deployment(attempt.deployment) for attempt in call.attempts)
    return "spillover" if any(item is not None and item.capacity == "provisioned" for item in tried) else "standard"
