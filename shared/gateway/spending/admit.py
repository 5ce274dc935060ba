"""Step 4: keeps a call within the sizes that it may have, and has it counted on every level above the caller."""

from shared.errors import BadRequest
from shared.gateway.call import Call
from shared.gateway.spending.forecast import TOKENISED, Forecast, forecast
from shared.gateway.spending.refusals import EndpointRefused
from shared.gateway.spending.reserve import reserve_place, reserve_use
from shared.policy.model import CapRule
from shared.runtime import Runtime
from shared.wire.openai.endpoints import Meter


def check_endpoint(call: Call) -> None:
    """Raise EndpointRefused where a rule does not admit the operation."""
    for rule in call.caller.policy.against("endpoints", call.endpoint.name):
        if rule.origin.is_enforced:
            raise EndpointRefused(call.endpoint.name, rule)
        call.shadow.append(f"{rule.origin.source}: endpoint {call.endpoint.name}")


async def admit(call: Call, runtime: Runtime) -> None:
    """Check the sizes and reserve. Raises GatewayError; then nothing stays reserved.

    Nobody's prompt is read who may not make a call at all.
    """
    policy = call.caller.policy
    if not policy.caps and not policy.counts:
        return
    try:
        await reserve_place(call, runtime)
        _check_bytes(call)
        if _is_weighed(call):
            foreseen = await _check_prompt(call, runtime, await forecast(call, runtime))
            await reserve_use(call, runtime, foreseen)
    except BaseException:
        call.reservation.release()
        raise


def _is_weighed(call: Call) -> bool:
    policy = call.caller.policy
    return policy.counts_tokens or policy.counts_money or any(rule.what == "prompt_tokens" for rule in policy.caps)


def _check_bytes(call: Call) -> None:
    for rule in call.caller.policy.caps:
        if rule.what == "prompt_bytes" and call.request_bytes > rule.limit:
            _refuse_size(call, rule, f"The request has {call.request_bytes} bytes")


async def _check_prompt(call: Call, runtime: Runtime, foreseen: Forecast) -> Forecast:
    """A prompt that could be too long is counted exactly before it is called so."""
    if call.endpoint.meter not in TOKENISED:
        return foreseen
    for rule in call.caller.policy.caps:
        if rule.what != "prompt_tokens" or foreseen.prompt <= rule.limit:
            continue
        if not foreseen.is_exact:
            foreseen = await forecast(call, runtime, exactly=True)
        if foreseen.prompt > rule.limit:
            _refuse_size(call, rule, f"The prompt has {foreseen.prompt} tokens")
    return foreseen


def _refuse_size(call: Call, rule: CapRule, found: str) -> None:
    unit = "bytes" if rule.what == "prompt_bytes" else "tokens"
    if not rule.origin.is_enforced:
        call.shadow.append(f"{rule.origin.source}: {rule.what}")
        return
    field = "input" if call.endpoint.meter in (Meter.RESPONSE, Meter.EMBEDDING) else "messages"
    raise BadRequest(
        f"{found}; {rule.origin.scope} allows {rule.limit} {unit}.", param=field, code="context_length_exceeded"
    )
