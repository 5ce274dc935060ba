"""What resources come to: who a caller is, which rules apply to a key, what would become of a call, what is left of a budget."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.budgets.model import BudgetStatus
from shared.callers.model import Caller
from shared.directory.model import Budget, Kind, Role
from shared.management.answers import RuleAnswer
from shared.management.authority import Authority, knows_spending
from shared.management.call import Answer, Call
from shared.management.problems import Absent
from shared.management.resources import current
from shared.management.view import visible
from shared.money import amount, text_of
from shared.policy.model import CapRule, CountRule, EffectivePolicy, NameRule


async def me(call: Call) -> Answer:
    caller = call.caller
    body = {"id": caller.id, "kind": caller.kind, "role": caller.role, "owner": caller.owner, "team": caller.team}
    return Answer({**body, "scope": call.scope})


async def effective_policy(call: Call) -> Answer:
    subject = await _subject(call, call.query.key)
    rules = [rule.model_dump(mode="json") for rule in _rules(subject.policy, call.authority)]
    return Answer({"key": call.query.key, "owner": subject.owner, "rules": rules})


async def explain(call: Call) -> Answer:
    explanation = await call.parts.explain(await _subject(call, call.body.key), call.body, call.authority)
    return Answer(explanation.model_dump(mode="json", exclude_none=True))


async def budget_status(call: Call) -> Answer:
    found = await current(call, Kind.BUDGET)
    assert isinstance(found.resource, Budget)
    return Answer(_status(found.resource, await call.parts.budget_status(found.resource)))


async def _subject(call: Call, key: str | None) -> Caller:
    """Return who is asked about: the caller, or the holder of a key that the caller may see. Raises Absent."""
    if key is None or f"keys/{key}" == call.scope:
        return call.caller
    holder = None
    if call.caller.role is not Role.DEVELOPER:
        await visible(call.parts, call.authority, f"keys/{key}")
        holder = await call.parts.callers.by_id(key)
    if holder is None:
        raise Absent(f"There is no keys/{key}.")
    return holder


def _rules(policy: EffectivePolicy, viewer: Authority) -> Iterator[RuleAnswer]:
    """Name every rule with its value. Of caps only the lowest is in force; names and counts all are, one beside the other."""
    for name in policy.names:
        yield _rule(name, name.what, list(name.globs), is_strictest=True)
    for cap in policy.caps:
        lowest = min(
            other.limit for other in policy.caps if other.what == cap.what and other.origin.mode is cap.origin.mode
        )
        value = {"limit": cap.limit, "on_excess": "clamp" if cap.clamps else "refuse"}
        yield _rule(cap, f"max_{cap.what}", value, is_strictest=cap.limit == lowest)
    for count in policy.counts:
        if count.unit == "money" and not knows_spending(viewer, count.origin.scope):
            yield _rule(count, "budget", {"unit": "money"}, is_strictest=True)
        else:
            yield _rule(count, count.label, _counted(count), is_strictest=True)


def _rule(rule: NameRule | CapRule | CountRule, name: str, value: Any, *, is_strictest: bool) -> RuleAnswer:
    origin = rule.origin
    return RuleAnswer(
        rule=name,
        value=value,
        level=origin.scope,
        source=origin.source,
        mode=origin.mode,
        in_force=origin.is_enforced and is_strictest,
    )


def _counted(rule: CountRule) -> Mapping[str, Any]:
    limit = rule.allowance.limit
    if rule.unit == "money":
        return {"unit": "money", "limit": None if limit is None else text_of(amount(limit))}
    return {"unit": rule.unit, "limit": limit}


def _status(budget: Budget, status: BudgetStatus) -> Mapping[str, Any]:
    return {
        "budget": budget.id,
        "scope": budget.scope,
        "mode": budget.mode.value,
        "amount": text_of(status.amount),
        "spent": text_of(status.spent),
        "reserved": text_of(status.reserved),
        "remaining": text_of(status.remaining),
        "percent": status.percent,
        "projected": None if status.projected is None else text_of(status.projected),
        "period_start": status.window.start.isoformat(),
        "period_end": status.window.end.isoformat(),
        "thresholds": [
            {**item.threshold.model_dump(mode="json", exclude_none=True), "is_reached": item.is_reached}
            for item in status.thresholds
        ],
    }
