"""How a call is told that it is not allowed, or not now."""

from shared.errors import GatewayError, Unavailable, retry_headers
from shared.gateway.spending.spans import written
from shared.leases.model import Exhausted
from shared.money import amount
from shared.policy.model import CountRule, NameRule

LONG_S = 120.0
"""Nobody waits longer than this with a call in his hands: an SDK would only come back too early."""

BUSY_S = 15.0
"""A budget that is free again within so many seconds was only held by calls under way."""

_NEEDED = {"requests": "request", "tokens": "tokens", "calls": "place"}
_TYPES = {"requests": "requests", "tokens": "tokens", "calls": "requests"}


class EndpointRefused(GatewayError):
    """403: the operation is not on the list of what the caller may use."""

    status, code, type = 403, "endpoint_not_allowed", "invalid_request_error"
    retryable = False

    def __init__(self, endpoint: str, rule: NameRule) -> None:
        super().__init__(f"The endpoint {endpoint} is not allowed by {rule.origin.scope}.")


class LimitExceeded(GatewayError):
    """429: a rate limit, a quota or a limit of calls at a time; the text names it and the level that it is set on."""

    status, code, type = 429, "rate_limit_exceeded", "requests"

    def __init__(self, rule: CountRule, exhausted: Exhausted, needed: int) -> None:
        self.type, self.unit = _TYPES[rule.unit], rule.unit
        if _is_beyond(rule, needed):
            self.retryable = False
            super().__init__(
                f"This call needs {needed} {_NEEDED[rule.unit]}: more than the {rule.label} of {rule.origin.scope}."
            )
            return
        wait = max(0.001, exhausted.retry_after_s)
        if wait > LONG_S:
            self.retryable = False
        left = f" {exhausted.remaining} are left and this call needs {needed}." if rule.unit == "tokens" else ""
        super().__init__(
            f"The {rule.label} of {rule.origin.scope} is reached.{left} Try again in {written(wait)}.",
            headers=retry_headers(_milliseconds(wait)),
        )


class BudgetExhausted(GatewayError):
    """429 that no retry helps: the money of the period is spent, or what is left is less than the call may cost."""

    status, code, type = 429, "insufficient_quota", "insufficient_quota"
    retryable = False

    def __init__(self, rule: CountRule, exhausted: Exhausted, needed: int) -> None:
        left, cost = _money(exhausted.remaining), _money(needed)
        if rule.team is not None and _is_beyond(rule, needed):
            super().__init__(f"This call may cost {cost}: more than the {rule.label} of {rule.origin.scope}.")
            return
        figures = "" if rule.team is None else f": {left} are left and it may cost {cost}"
        super().__init__(
            f"The {rule.label} of {rule.origin.scope} does not allow this call{figures}."
            f" The next period begins in {written(exhausted.retry_after_s)}.",
            headers=retry_headers(_milliseconds(exhausted.retry_after_s)),
        )


class BudgetBusy(GatewayError):
    """429 that passes: what is left of the budget is reserved by calls under way."""

    status, code, type = 429, "budget_reserved", "requests"

    def __init__(self, rule: CountRule, exhausted: Exhausted) -> None:
        super().__init__(
            f"What is left of the {rule.label} of {rule.origin.scope} is reserved by calls under way. Try again shortly.",
            headers=retry_headers(_milliseconds(exhausted.retry_after_s)),
        )


class LimitsUnavailable(Unavailable):
    """What is leased is spent, and the store that would lease more is away: a limit that cannot be asked is kept."""

    code = "limits_unavailable"

    def __init__(self) -> None:
        super().__init__("Limits and budgets cannot be checked right now. Try again.", headers={"retry-after": "2"})


class ModelUnpriced(GatewayError):
    """403: a budget applies, and what has no price cannot be kept within it."""

    status, code, type = 403, "model_not_priced", "invalid_request_error"
    retryable = False

    def __init__(self, model: str, rule: CountRule) -> None:
        super().__init__(
            f"The model '{model}' has no price, so the {rule.label} of {rule.origin.scope} cannot be kept."
            " Tell your platform team.",
            param="model",
        )


def refusal_of(rule: CountRule, exhausted: Exhausted, needed: int) -> GatewayError:
    if rule.unit != "money":
        return LimitExceeded(rule, exhausted, needed)
    is_passing = exhausted.retry_after_s <= BUSY_S and not _is_beyond(rule, needed)
    return BudgetBusy(rule, exhausted) if is_passing else BudgetExhausted(rule, exhausted, needed)


def _is_beyond(rule: CountRule, needed: int) -> bool:
    """Whether no waiting helps: there is never as much as the call needs."""
    return rule.allowance.limit is not None and needed > rule.allowance.limit


def _milliseconds(seconds: float) -> int:
    """Rounded up: who came a moment too early would be refused again."""
    return max(1, -int(-seconds * 1000 // 1))


def _money(nanos: int) -> str:
    return f"{amount(max(0, nanos)):.4f}"
