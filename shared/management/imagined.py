"""A call that nobody makes, as the gateway itself would see it: what would answer it, and what it would need."""

from dataclasses import dataclass, replace

from shared.callers.model import Caller
from shared.gateway.call import Call, Content
from shared.gateway.spending.cost import foreseen_cost, price_of
from shared.gateway.spending.downshift import downshifted
from shared.gateway.spending.forecast import GENERATING, TOKENISED, forecast
from shared.gateway.spending.members import OUTPUT_MEMBERS
from shared.gateway.spending.reserve import begins_work
from shared.management.problems import invalid
from shared.management.requests import ExplainRequest
from shared.policy.model import CountRule, EffectivePolicy
from shared.runtime import Runtime
from shared.wire.openai.endpoints import ENDPOINTS, Endpoint
from shared.wire.openai.routes import Match


@dataclass(frozen=True, slots=True)
class Imagined:
    """`model` is what would answer; `cost` is in nano-units, None where it cannot be told."""

    endpoint: Endpoint
    model: str
    tokens: int
    cost: int | None

    @property
    def generates(self) -> bool:
        return self.endpoint.meter in GENERATING

    @property
    def is_tokenised(self) -> bool:
        return self.endpoint.meter in TOKENISED

    def needed(self, rule: CountRule) -> int | None:
        """Return what the call takes of an allowance; None for money that cannot be told."""
        if rule.unit in ("requests", "calls"):
            return 1
        if rule.unit == "tokens" or self.cost is None:
            return self.tokens if rule.unit == "tokens" else None
        return self.cost or int(begins_work(self.endpoint))


async def imagine(caller: Caller, request: ExplainRequest, runtime: Runtime) -> Imagined:
    """Raises Invalid for an endpoint that there is not."""
    endpoint = next((endpoint for endpoint in ENDPOINTS if endpoint.name == request.endpoint), None)
    if endpoint is None:
        raise invalid("endpoint", "is not the name of an endpoint, such as chat.completions")
    call = _call(caller, request, endpoint, runtime)
    model = call.model = await downshifted(call, runtime) or request.model
    if runtime.router.knows(model):
        call.plan = runtime.router.plan(model, endpoint.name, lambda: model)
    foreseen = await forecast(call, runtime)
    if endpoint.meter in TOKENISED:
        prompt = request.prompt_tokens or int(endpoint.meter not in GENERATING)
        foreseen = replace(foreseen, prompt=prompt, is_exact=True)
    # What is only guessed may turn out to be little, so that it is not what the call is refused for.
    least = foreseen.least()
    cost = foreseen_cost(price_of(call, runtime), least, endpoint.meter)
    return Imagined(endpoint, model, least.tokens, cost)


def _call(caller: Caller, request: ExplainRequest, endpoint: Endpoint, runtime: Runtime) -> Call:
    match = Match(endpoint, None, (), azure_shaped=False)
    clock = runtime.clock
    call = Call("", clock.now(), clock.monotonic(), caller, endpoint.method, match, model=request.model)
    output = _output(caller.policy, request)
    call.content = Content(json={} if output is None else dict.fromkeys(OUTPUT_MEMBERS, output))
    return call


def _output(policy: EffectivePolicy, request: ExplainRequest) -> int | None:
    """Return the limit that the call would have once the policy's own is written into it."""
    limits = [
        rule.limit
        for rule in policy.caps
        if rule.what == "output_tokens"
        and rule.origin.is_enforced
        and (rule.clamps or request.max_output_tokens is None)
    ]
    asked = [] if request.max_output_tokens is None else [request.max_output_tokens]
    return min([*asked, *limits], default=None)
