"""What applies to one caller: the rules of every level above him, each with where it comes from."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from shared.directory.model import Budget, Mode
from shared.leases.model import Allowance

Unit = Literal["requests", "tokens", "calls", "money"]
"""What is counted: requests and tokens as they come, calls under way, nano-units of money."""

PLACES: frozenset[Unit] = frozenset({"calls", "requests"})
"""What is counted of a call whatever it asks for."""

_TOLD: tuple[Unit, ...] = ("requests", "tokens")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule comes from: the node's scope and the policy, budget, team or key that holds it."""

    scope: str
    source: str
    mode: Mode = Mode.ENFORCE

    @property
    def is_enforced(self) -> bool:
        return self.mode is Mode.ENFORCE


@dataclass(frozen=True, slots=True)
class NameRule:
    """Globs over the names of endpoints or models: what fits none of them is refused."""

    origin: Origin
    what: Literal["endpoints", "models"]
    globs: tuple[str, ...]

    def admits(self, name: str) -> bool:
        return any(glob == "*" or fnmatchcase(name, glob) for glob in self.globs)


@dataclass(frozen=True, slots=True)
class CapRule:
    """A size that one call may have. `clamps` brings an output that is asked for down to the limit instead of refusing."""

    origin: Origin
    what: Literal["prompt_bytes", "prompt_tokens", "output_tokens"]
    limit: int
    clamps: bool = False


@dataclass(frozen=True, slots=True)
class CountRule:
    """Something that is counted over many calls; `label` is what a refusal calls it.

    `team` is whose a budget is: None above the teams, whose figures are not for their callers. `has_consequences` says that
    the budget may throttle, or would block in shadow mode: then it is looked at again after each reservation.
    """

    origin: Origin
    unit: Unit
    allowance: Allowance
    label: str
    budget: Budget | None = None
    team: str | None = None
    has_consequences: bool = False

    @property
    def is_told(self) -> bool:
        return self.origin.is_enforced and self.allowance.limit is not None


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """All rules of one caller. The strictest wins, since each of them applies.

    `told` are the limits that a caller hears of with every answer, for each unit of OpenAI's rate-limit headers; `downshifting`
    are the budgets that may send calls to a cheaper alias.
    """

    names: tuple[NameRule, ...] = ()
    caps: tuple[CapRule, ...] = ()
    counts: tuple[CountRule, ...] = ()
    counts_tokens: bool = field(init=False)
    counts_money: bool = field(init=False)
    told: tuple[tuple[Unit, tuple[CountRule, ...]], ...] = field(init=False)
    downshifting: tuple[CountRule, ...] = field(init=False)

    def __post_init__(self) -> None:
        units = {rule.unit for rule in self.counts}
        object.__setattr__(self, "counts_tokens", "tokens" in units)
        object.__setattr__(self, "counts_money", "money" in units)
        told = ((unit, tuple(rule for rule in self.counts if rule.unit == unit and rule.is_told)) for unit in _TOLD)
        object.__setattr__(self, "told", tuple((unit, rules) for unit, rules in told if rules))

        budgets = ((rule, rule.budget) for rule in self.counts if rule.budget is not None)
        downshifting = (rule for rule, budget in budgets if _may(budget, "downshift"))
        object.__setattr__(self, "downshifting", tuple(downshifting))

    def against(self, what: Literal["endpoints", "models"], name: str) -> tuple[NameRule, ...]:
        """Return the rules that do not admit a name, enforced ones first."""
        refusing = [rule for rule in self.names if rule.what == what and not rule.admits(name)]
        return tuple(sorted(refusing, key=lambda rule: not rule.origin.is_enforced))

    def admits(self, what: Literal["endpoints", "models"], name: str) -> bool:
        return all(rule.admits(name) or not rule.origin.is_enforced for rule in self.names if rule.what == what)

    def output_cap(self) -> CapRule | None:
        """Return the lowest limit of output tokens that is enforced."""
        return min(
            (rule for rule in self.caps if rule.what == "output_tokens" and rule.origin.is_enforced),
            key=lambda rule: rule.limit,
            default=None,
        )


def _may(budget: Budget, action: str) -> bool:
    return any(threshold.action == action for threshold in budget.thresholds)
