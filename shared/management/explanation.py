"""Says what would become of a call, rule by rule, without making it: nothing is counted."""

from collections.abc import AsyncIterator, Iterator

from shared.callers.model import Caller
from shared.errors import GatewayError
from shared.leases.model import Held, Level
from shared.management.answers import Explanation, Reason
from shared.management.requests import ExplainRequest
from shared.money import amount
from shared.policy.model import CapRule, CountRule, NameRule, Origin
from shared.runtime import Runtime
from shared.usage.model import TokenUsage, Usage

type Verdict = tuple[Reason, int | None, str | None]
"""What a rule says, and the status and code of its refusal."""


async def explain(caller: Caller, request: ExplainRequest, runtime: Runtime) -> Explanation:
    """Judge a call by every rule. Raises StoreUnavailable where a counter cannot be read."""
    verdicts: list[Verdict] = [*_about_caller(caller, request, runtime), *_about_model(caller, request, runtime)]
    verdicts.extend(_about_size(caller, request))
    verdicts.extend([verdict async for verdict in _about_counts(caller, request, runtime)])
    refusing = next((verdict for verdict in verdicts if verdict[0].outcome == "refuses"), None)
    return Explanation(
        allowed=refusing is None,
        status=refusing[1] if refusing else None,
        code=refusing[2] if refusing else None,
        model=await _answering(caller, request, runtime),
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


def _about_model(caller: Caller, request: ExplainRequest, runtime: Runtime) -> Iterator[Verdict]:
    is_known = runtime.router.knows(request.model)
    outcome, detail = ("passes", "A route leads") if is_known else ("refuses", "No route leads")
    origin = Origin("organization", "configuration")
    yield _about("routes", origin, outcome, f"{detail} to {request.model}."), 404, "model_not_found"
    for rule in caller.policy.names:
        name = request.endpoint if rule.what == "endpoints" else request.model
        status, code = (403, "endpoint_not_allowed") if rule.what == "endpoints" else (404, "model_not_found")
        is_met = rule.admits(name)
        yield _verdict(
            rule,
            rule.what,
            is_met,
            f"{name} is {'among' if is_met else 'not among'} {', '.join(rule.globs)}",
            status,
            code,
        )


def _about_size(caller: Caller, request: ExplainRequest) -> Iterator[Verdict]:
    asked = {
        "prompt_bytes": request.prompt_bytes,
        "prompt_tokens": request.prompt_tokens,
        "output_tokens": request.max_output_tokens,
    }
    for rule in caller.policy.caps:
        size = asked[rule.what]
        if size is None:
            continue
        is_met = size <= rule.limit
        detail = f"{size} of at most {rule.limit}"
        if not is_met and rule.clamps and rule.origin.is_enforced:
            yield _reason(rule, f"max_{rule.what}", "changes", f"{detail}: it is brought down"), None, None
        else:
            code = "max_tokens_exceeded" if rule.what == "output_tokens" else "context_length_exceeded"
            yield _verdict(rule, f"max_{rule.what}", is_met, detail, 400, code)


async def _about_counts(caller: Caller, request: ExplainRequest, runtime: Runtime) -> AsyncIterator[Verdict]:
    for rule in caller.policy.counts:
        if isinstance(rule.allowance.rule, Held):
            level = runtime.leases.level(rule.allowance) or await runtime.leases.look(rule.allowance)
        else:
            level = await runtime.leases.look(rule.allowance)
        needed = _needed(rule, caller, request, runtime)
        limit = rule.allowance.limit
        is_met = limit is None or level.used + needed <= limit
        most = "any number" if limit is None else _shown(rule, limit)
        detail = f"{_shown(rule, level.used)} of {most} used, this call needs {_shown(rule, needed)}"
        code = "insufficient_quota" if rule.unit == "money" else "rate_limit_exceeded"
        yield _verdict(rule, rule.label, is_met, detail, 429, code)


def _needed(rule: CountRule, caller: Caller, request: ExplainRequest, runtime: Runtime) -> int:
    cap = caller.policy.output_cap()
    asked = request.max_output_tokens or (cap.limit if cap else 0)
    output = min(asked, cap.limit) if cap and cap.clamps else asked
    tokens = TokenUsage(input_fresh=request.prompt_tokens or 0, output_text=output)
    if rule.unit == "tokens":
        return tokens.input + tokens.output
    if rule.unit != "money":
        return 1
    price = runtime.prices.find(request.model, runtime.clock.now())
    cost = price.cost(Usage(tokens)) if price else 0
    return cost if isinstance(cost, int) else 0


def _shown(rule: CountRule, units: int) -> str:
    return f"{amount(units).normalize():f}" if rule.unit == "money" else str(units)


async def _answering(caller: Caller, request: ExplainRequest, runtime: Runtime) -> str:
    """The model that would answer: another one where a budget sends calls to a cheaper alias."""
    for rule in caller.policy.counts:
        if rule.budget is not None:
            level: Level = await runtime.leases.look(rule.allowance)
            if alias := runtime.budgets.consequence(rule.budget, level, runtime.clock.now()).downshift:
                return alias
    return request.model


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
