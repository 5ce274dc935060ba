"""Says what would become of a call, rule by rule, without making it: nothing is counted."""

from collections.abc import Iterator

from shared.callers.model import Caller
from shared.errors import GatewayError
from shared.gateway.spending.reserve import throttle_of
from shared.leases.model import Held, Level
from shared.management.answers import Explanation, Reason
from shared.management.authority import Authority, knows_spending
from shared.management.imagined import Imagined, imagine
from shared.management.requests import ExplainRequest
from shared.money import amount, text_of
from shared.policy.model import PLACES, CapRule, CountRule, NameRule, Origin
from shared.runtime import Runtime

type Verdict = tuple[Reason, int | None, str | None]
"""What a rule says, and the status and code of its refusal."""


async def explain(caller: Caller, request: ExplainRequest, runtime: Runtime, viewer: Authority) -> Explanation:
    """Judge a call by every rule, in the gateway's order. Raises Invalid, and StoreUnavailable where a counter cannot be read."""
    imagined = await imagine(caller, request, runtime)
    verdicts: list[Verdict] = [*_about_caller(caller, request, runtime), *_about_names(caller, request, runtime)]
    verdicts.extend(_about_output(caller, request, imagined))
    counted: dict[bool, list[Verdict]] = {True: [], False: []}
    for rule in caller.policy.counts:
        counted[rule.unit in PLACES].append(await _about_count(rule, imagined, runtime, viewer))
        if (throttle := _throttle_of(rule, runtime)) is not None:
            counted[False].append(await _about_count(throttle, imagined, runtime, viewer))
    verdicts.extend([*counted[True], *_about_prompt(caller, request, imagined), *counted[False]])
    refusing = next((verdict for verdict in verdicts if verdict[0].outcome == "refuses"), None)
    return Explanation(
        allowed=refusing is None,
        status=refusing[1] if refusing else None,
        code=refusing[2] if refusing else None,
        model=imagined.model,
        reasons=tuple(reason for reason, _, _ in verdicts),
    )


def _about_caller(caller: Caller, request: ExplainRequest, runtime: Runtime) -> Iterator[Verdict]:
    if request.address is None and not caller.disabled and caller.expires_at is None:
        return
    error: GatewayError | None = None
    try:
        caller.check(request.address, runtime.clock.now())
    except GatewayError as refused:
        error = refused
    outcome, detail = ("refuses", error.message) if error else ("passes", "The key may be used now, from there.")
    yield (
        _about("key", Origin(caller.owner, caller.id), outcome, detail),
        error.status if error else None,
        error.code if error else None,
    )


def _about_names(caller: Caller, request: ExplainRequest, runtime: Runtime) -> Iterator[Verdict]:
    for rule in caller.policy.names:
        if rule.what == "endpoints":
            yield _about_name(rule, request.endpoint, 403, "endpoint_not_allowed")
    is_known = runtime.router.knows(request.model)
    outcome, detail = ("passes", "A route leads") if is_known else ("refuses", "No route leads")
    origin = Origin("organization", "configuration")
    yield _about("routes", origin, outcome, f"{detail} to {request.model}."), 404, "model_not_found"
    for rule in caller.policy.names:
        if rule.what == "models":
            yield _about_name(rule, request.model, 404, "model_not_found")


def _about_name(rule: NameRule, name: str, status: int, code: str) -> Verdict:
    is_met = rule.admits(name)
    detail = f"{name} is {'among' if is_met else 'not among'} {', '.join(rule.globs)}"
    return _verdict(rule, rule.what, is_met, detail, status, code)


def _about_output(caller: Caller, request: ExplainRequest, imagined: Imagined) -> Iterator[Verdict]:
    """What asks for no limit at all gets the rule's; what asks for more is brought down or refused."""
    asked = request.max_output_tokens
    for rule in caller.policy.caps:
        if rule.what != "output_tokens" or not imagined.generates:
            continue
        detail = f"{'no limit' if asked is None else asked} of at most {rule.limit}"
        if rule.origin.is_enforced and (asked is None or (asked > rule.limit and rule.clamps)):
            yield _reason(rule, f"max_{rule.what}", "changes", f"{detail}: it is brought down"), None, None
        else:
            is_met = asked is not None and asked <= rule.limit
            yield _verdict(rule, f"max_{rule.what}", is_met, detail, 400, "max_tokens_exceeded")


def _about_prompt(caller: Caller, request: ExplainRequest, imagined: Imagined) -> Iterator[Verdict]:
    asked = {"prompt_bytes": request.prompt_bytes}
    if imagined.is_tokenised:
        asked["prompt_tokens"] = request.prompt_tokens
    for what, size in asked.items():
        for rule in caller.policy.caps:
            if rule.what == what and size is not None:
                detail = f"{size} of at most {rule.limit}"
                yield _verdict(rule, f"max_{what}", size <= rule.limit, detail, 400, "context_length_exceeded")


async def _about_count(rule: CountRule, imagined: Imagined, runtime: Runtime, viewer: Authority) -> Verdict:
    sees = knows_spending(viewer, rule.origin.scope)
    name = rule.label if sees or rule.unit != "money" else "budget"
    needed = imagined.needed(rule)
    if needed is None:
        is_met = rule.allowance.limit is None or not rule.origin.is_enforced
        return _verdict(rule, name, is_met, f"{imagined.model} has no price", 403, "model_not_priced")
    level, limit = await _level(rule, runtime), rule.allowance.limit
    is_met = limit is None or needed == 0 or level.used + needed <= limit
    most = "any number" if limit is None else _shown(rule, limit)
    detail = f"{_shown(rule, level.used)} of {most} used, this call needs {_shown(rule, needed)}"
    code = "insufficient_quota" if rule.unit == "money" else "rate_limit_exceeded"
    return _verdict(rule, name, is_met, detail if sees else "not reached" if is_met else "reached", 429, code)


def _throttle_of(rule: CountRule, runtime: Runtime) -> CountRule | None:
    level = runtime.leases.level(rule.allowance)
    if rule.budget is None or level is None:
        return None
    return throttle_of(rule, runtime.budgets.consequence(rule.budget, level, runtime.clock.now()))


async def _level(rule: CountRule, runtime: Runtime) -> Level:
    if isinstance(rule.allowance.rule, Held) and (level := runtime.leases.level(rule.allowance)) is not None:
        return level
    return await runtime.leases.look(rule.allowance)


def _shown(rule: CountRule, units: int) -> str:
    return text_of(amount(units)) if rule.unit == "money" else str(units)


def _verdict(
    rule: NameRule | CapRule | CountRule, name: str, is_met: bool, detail: str, status: int, code: str
) -> Verdict:
    if is_met:
        return _reason(rule, name, "passes", detail), None, None
    outcome = "refuses" if rule.origin.is_enforced else "would_refuse"
    return _reason(rule, name, outcome, detail), status, code


def _reason(rule: NameRule | CapRule | CountRule, name: str, outcome: str, detail: str) -> Reason:
    return _about(name, rule.origin, outcome, detail)


def _about(name: str, origin: Origin, outcome: str, detail: str) -> Reason:
    return Reason.model_validate(
        {
            "rule": name,
            "level": origin.scope,
            "source": origin.source,
            "mode": origin.mode,
            "outcome": outcome,
            "detail": detail,
        }
    )
