"""Tells a caller how much is left of what limits him, under OpenAI's names; the strictest limit of each kind speaks."""

from shared.gateway.message import HeaderList
from shared.gateway.spending.spans import written
from shared.policy.model import EffectivePolicy
from shared.runtime import Runtime


def limit_headers(policy: EffectivePolicy, runtime: Runtime) -> HeaderList:
    """Return `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` for what is enforced."""
    headers: HeaderList = []
    for unit, rules in policy.told:
        levels = [level for rule in rules if (level := runtime.leases.level(rule.allowance)) is not None]
        if not levels:
            continue
        strictest = min(levels, key=lambda level: level.remaining or 0)
        reset = 0.0
        if strictest.resets_at is not None:
            reset = max(0.0, (strictest.resets_at - runtime.clock.now()).total_seconds())
        headers += (
            (f"x-ratelimit-limit-{unit}", str(strictest.limit)),
            (f"x-ratelimit-remaining-{unit}", str(strictest.remaining)),
            (f"x-ratelimit-reset-{unit}", written(reset)),
        )
    return headers
