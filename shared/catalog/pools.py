"""Capacity that is paid by the hour, used or not, and how its cost is divided among those who used it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from shared.catalog.model import Currency
from shared.catalog.shares import divided
from shared.fields import Name, Some, Strict
from shared.money import Amount, nano

FINE = 1_000
"""Weights are counted in this many parts of an input token, so that those of output tokens are whole numbers too."""

_MINUTES = 60
_OUTPUT = ("output_text", "output_reasoning", "output_audio", "output_image")
_INPUT = ("input_fresh", "input_cache_write", "input_audio", "input_image")


class PoolConfig(Strict):
    """Provisioned throughput units that deployments share, in use while `effective_from <= t < effective_to`.

    `per_unit_hour` is what an hour of one unit costs, `owner` the team that pays for what nobody used. A unit carries
    `tokens_per_minute_per_unit` input tokens a minute, and an output token counts as `output_weight` of them; what comes from the
    cache counts nothing. All are published for each model, or agreed on.
    """

    name: Name
    deployments: Some[Name]
    units: Annotated[int, Field(ge=1, le=1_000_000)]
    per_unit_hour: Amount
    owner: Name
    tokens_per_minute_per_unit: Annotated[int, Field(ge=1, le=10**9)]
    output_weight: Annotated[Decimal, Field(gt=0, le=1_000, decimal_places=3)]
    currency: Currency = "USD"
    effective_from: AwareDatetime | None = None
    effective_to: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.effective_from and self.effective_to and self.effective_to <= self.effective_from:
            raise ValueError("effective_to must be later than effective_from")
        return self

    def holds(self, at: datetime) -> bool:
        """Whether the pool is paid for in the hour that begins then."""
        is_begun = self.effective_from is None or self.effective_from <= at
        return is_begun and (self.effective_to is None or at < self.effective_to)

    def terms(self) -> "Terms":
        return Terms(
            cost=nano(self.per_unit_hour * self.units),
            capacity=self.units * self.tokens_per_minute_per_unit * _MINUTES * FINE,
            output_weight=int(self.output_weight * FINE),
        )


def _apart(pools: tuple[PoolConfig, ...]) -> tuple[PoolConfig, ...]:
    """Return pools of which no two have a name or a deployment in common at the same time."""
    for _, message in clashes(pools):
        raise ValueError(message)
    return pools


def clashes(pools: Sequence[PoolConfig]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the place and the text of every name and deployment that an earlier pool has at the same time."""
    for index, pool in enumerate(pools):
        others = [other for other in pools[:index] if _meet(pool, other)]
        if any(pool.name == other.name for other in others):
            yield (index, "name"), f"the pool {pool.name} is there twice at the same time"
        for place, name in enumerate(pool.deployments):
            if name in pool.deployments[:place] or any(name in other.deployments for other in others):
                yield (index, "deployments", place), f"the deployment {name} is in two pools at the same time"


def _meet(one: PoolConfig, other: PoolConfig) -> bool:
    return _begins_before_end(one, other) and _begins_before_end(other, one)


def _begins_before_end(one: PoolConfig, other: PoolConfig) -> bool:
    return one.effective_from is None or other.effective_to is None or one.effective_from < other.effective_to


Pools = Annotated[tuple[PoolConfig, ...], AfterValidator(_apart)]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an hour of a pool costs, in nano-units, and how use is weighed; `capacity` and weights in parts of an input token (FINE)."""

    cost: int
    capacity: int
    output_weight: int

    def weight(self, tokens: Mapping[str, int]) -> int:
        """Return how much of the capacity the tokens took, by bucket; cached input took none."""
        read = sum(tokens.get(bucket, 0) for bucket in _INPUT)
        made = sum(tokens.get(bucket, 0) for bucket in _OUTPUT)
        return max(0, read * FINE + made * self.output_weight)


@dataclass(frozen=True, slots=True)
class Split:
    """Nano-units for each user of the pool, in order, and what is left for its owner. Together they are the cost, exactly."""

    shares: tuple[int, ...]
    idle: int


def split(terms: Terms, weights: Iterable[int]) -> Split:
    """Divide the cost of an hour by what was used of the capacity.

    Where more than the capacity was used, which a provider may allow for a while, users share the whole cost and nothing is idle.
    """
    used = tuple(weights)
    idle = max(0, terms.capacity - sum(used))
    *shares, rest = divided(terms.cost, (*used, idle))
    return Split(tuple(shares), rest)
