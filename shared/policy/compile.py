"""Makes one effective policy of the levels above a caller."""

from collections.abc import Iterator

from shared.budgets.model import allowance_of
from shared.directory.model import Budget, Key, Level, Mode, Policy, Team
from shared.leases.model import Allowance, Held, Smooth
from shared.policy.model import CapRule, CountRule, EffectivePolicy, NameRule, Origin
from shared.windows import CalendarPeriod, FixedWindow

MINUTE = 60
_CHEAPEST_FIRST = {"calls": 0, "requests": 1, "tokens": 2, "money": 3}


def effective_of(levels: tuple[Level, ...], principal: str, team: str) -> EffectivePolicy:
    """Return what applies to a principal below these levels, nearest first. `principal` separates counters that are per key."""
    names: list[NameRule] = []
    caps: list[CapRule] = []
    counts: list[CountRule] = []
    for level in levels:
        names.extend(_own_names(level))
        for policy in level.policies:
            if policy.mode is Mode.OFF:
                continue
            origin = Origin(level.scope, policy.id, policy.mode)
            names.extend(_names(policy, origin))
            caps.extend(_caps(policy, origin))
            counts.extend(_counts(policy, origin, principal))
        counts.extend(_spending(budget, level.scope, team) for budget in level.budgets if budget.mode is not Mode.OFF)
    counts.sort(key=lambda rule: _CHEAPEST_FIRST[rule.unit])
    return EffectivePolicy(tuple(names), tuple(caps), tuple(counts))


def _own_names(level: Level) -> Iterator[NameRule]:
    """What a team or a key says of itself."""
    node = level.node
    if isinstance(node, Team | Key) and node.models != ("*",):
        yield NameRule(Origin(level.scope, level.scope), "models", node.models)
    if isinstance(node, Key) and node.endpoints != ("*",):
        yield NameRule(Origin(level.scope, level.scope), "endpoints", node.endpoints)


def _names(policy: Policy, origin: Origin) -> Iterator[NameRule]:
    if policy.endpoints is not None:
        yield NameRule(origin, "endpoints", policy.endpoints)
    if policy.models is not None:
        yield NameRule(origin, "models", policy.models)


def _caps(policy: Policy, origin: Origin) -> Iterator[CapRule]:
    if policy.max_prompt_bytes is not None:
        yield CapRule(origin, "prompt_bytes", policy.max_prompt_bytes)
    if policy.max_prompt_tokens is not None:
        yield CapRule(origin, "prompt_tokens", policy.max_prompt_tokens)
    if policy.max_output_tokens is not None:
        yield CapRule(origin, "output_tokens", policy.max_output_tokens, policy.on_excess_output == "clamp")


def _counts(policy: Policy, origin: Origin, principal: str) -> Iterator[CountRule]:
    prefix = policy.id if policy.per == "scope" else f"{policy.id}:{principal}"
    if policy.max_concurrency is not None:
        held = Allowance(f"{prefix}:calls", policy.max_concurrency, Held())
        yield CountRule(origin, "calls", held, f"limit of {policy.max_concurrency} calls at a time")
    for limit in policy.rate_limits:
        rule = Smooth(limit.window_s) if limit.algorithm == "smooth" else FixedWindow(limit.window_s)
        name = f"{prefix}:{limit.unit}/{limit.window_s}s/{limit.algorithm}"
        label = f"limit of {limit.limit} {limit.unit} per {_span(limit.window_s)}"
        yield CountRule(origin, limit.unit, Allowance(name, limit.limit, rule), label)
    for quota in policy.quotas:
        name = f"{prefix}:tokens/{quota.period}/{quota.time_zone}"
        calendar = CalendarPeriod(quota.period, quota.time_zone)
        yield CountRule(
            origin,
            "tokens",
            Allowance(name, quota.tokens, calendar),
            f"quota of {quota.tokens} tokens per {quota.period}",
        )


def _spending(budget: Budget, scope: str, team: str) -> CountRule:
    origin = Origin(scope, budget.id, budget.mode)
    if not scope.startswith(("teams/", "keys/")):
        # What others spend is not the caller's affair.
        return CountRule(
            origin,
            "money",
            allowance_of(budget),
            f"budget per {budget.period}",
            budget,
            None,
            _has_consequences(budget),
        )
    label = f"budget of {budget.amount:f} per {budget.period}"
    return CountRule(origin, "money", allowance_of(budget), label, budget, team, _has_consequences(budget))


def _has_consequences(budget: Budget) -> bool:
    return budget.mode is Mode.SHADOW or any(threshold.action == "throttle" for threshold in budget.thresholds)


def _span(seconds: int) -> str:
    return {1: "second", MINUTE: "minute", 3600: "hour", 86_400: "day"}.get(seconds, f"{seconds} seconds")
