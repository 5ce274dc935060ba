"""Tells a caller how much is left of what limits him, under OpenAI's names; the strictest limit of each kind speaks."""

from shared.gateway.message import HeaderList
from shared.gateway.spans import written
from shared.leases.model import Held, Level
from shared.policy.model import CountRule, EffectivePolicy
from shared.runtime import Runtime


def limit_headers(policy: EffectivePolicy, runtime: Runtime) -> HeaderList:
    """Return `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` for what is enforced."""
    headers: HeaderList = []
    for unit in ("requests", "tokens"):
        levels = [
            (remaining, level, rule)
            for rule in policy.counts
            if rule.unit == unit and rule.origin.is_enforced
            if (level := runtime.leases.level(rule.allowance)) is not None
            if (remaining := level.remaining) is not None
        ]
        if levels:
            headers.extend(_headers(unit, *min(levels, key=lambda each: each[0]), runtime))
    return headers


def _headers(unit: str, remaining: int, level: Level, rule: CountRule, runtime: Runtime) -> HeaderList:
    if isinstance(rule.allowance.rule, Held):
        return []
    reset = (level.resets_at - runtime.clock.now()).total_seconds() if level.resets_at else 0.0
    return [
        (f"x-ratelimit-limit-{unit}", str(rule.allowance.limit)),
        (f"x-ratelimit-remaining-{unit}", str(remaining)),
        (f"x-ratelimit-reset-{unit}", written(max(0.0, reset))),
    ]
