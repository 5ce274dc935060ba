"""What models cost: rates in effect from one moment to the next, and the exact arithmetic that turns usage into money."""

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Self

from pydantic import AwareDatetime, StringConstraints, model_validator

from shared.fields import Alias, Strict
from shared.money import Amount, nano
from shared.usage.model import TokenUsage, Units, Usage

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

PARTS = 3_000_000
"""Costs are added in this many parts of a nano-unit: of those, a token, a character and a millisecond cost whole numbers."""

TOKEN_BUCKETS = tuple(field.name for field in fields(TokenUsage))
UNIT_BUCKETS = tuple(field.name for field in fields(Units))
_TOKENS, _UNITS = attrgetter(*TOKEN_BUCKETS), attrgetter(*UNIT_BUCKETS)


class Region(StrEnum):
    """Where the provider may process a call."""

    GLOBAL = "global"
    DATA_ZONE = "data_zone"
    REGIONAL = "regional"


class Tier(StrEnum):
    """The service tier that a call was served in."""

    DEFAULT = "default"
    PRIORITY = "priority"
    FLEX = "flex"
    BATCH = "batch"


class Rates(Strict):
    """Money per million tokens of each kind, and per unit of what is not billed in tokens. None is no price; zero is free.

    Without a rate of its own reasoning costs as much as output, and every kind of input as much as `input`.
    """

    input: Amount | None = None
    cached_input: Amount | None = None
    cache_write: Amount | None = None
    audio_input: Amount | None = None
    image_input: Amount | None = None
    output: Amount | None = None
    reasoning: Amount | None = None
    audio_output: Amount | None = None
    image_output: Amount | None = None
    per_audio_minute: Amount | None = None
    per_million_characters: Amount | None = None
    per_image: Amount | None = None

    @model_validator(mode="after")
    def _prices_something(self) -> Self:
        if not self.named():
            raise ValueError("must hold at least one rate")
        return self

    def named(self) -> dict[str, Amount]:
        """Return the rates that there are."""
        rates = ((name, getattr(self, name)) for name in Rates.model_fields)
        return {name: rate for name, rate in rates if rate is not None}


class PriceConfig(Rates):
    """An operator's own rates for models that match a glob, in one tier or in all; they win over those of the book."""

    model: Alias
    tier: Tier | None = None


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Not a cost of zero: the price has no rate for these buckets, and they were used."""

    model: str
    buckets: tuple[str, ...]


class Price(Rates):
    """The rates of one model in one region and tier, in effect while `effective_from <= t < effective_to`.

    `source` is the page that publishes them, `reviewed` the day when the two were last compared; None: not yet.
    """

    provider: str
    model: str
    region: Region = Region.GLOBAL
    tier: Tier = Tier.DEFAULT
    effective_from: AwareDatetime
    effective_to: AwareDatetime | None = None
    currency: Currency = "USD"
    source: str
    reviewed: date | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.effective_to is not None and self.effective_to <= self.effective_from:
            raise ValueError("effective_to must be later than effective_from")
        return self

    def cost(self, usage: Usage) -> int | Unpriced:
        """Return what the usage costs in nano-units, exact until it is rounded once, half to even."""
        parts = self.parts(usage)
        return parts if isinstance(parts, Unpriced) else _half_even(parts)

    def parts(self, usage: Usage) -> int | Unpriced:
        """Return the exact cost in PARTS of a nano-unit, which can be added up.

        Units without a rate are unpriced only where no tokens were reported: a provider that bills the tokens of a picture
        does not bill the picture as well.
        """
        tokens, units = _TOKENS(usage.tokens), _UNITS(usage.units)
        per_token, per_unit = self._parts_per_token, self._parts_per_unit
        lacking = _used(TOKEN_BUCKETS, tokens, per_token)
        if not any(tokens):
            lacking += _used(UNIT_BUCKETS, units, per_unit)
        return Unpriced(self.model, lacking) if lacking else _total(tokens, per_token) + _total(units, per_unit)

    @cached_property
    def _parts_per_token(self) -> tuple[int | None, ...]:
        reasoning = self.output if self.reasoning is None else self.reasoning
        special = (self.cached_input, self.cache_write, self.audio_input, self.image_input)
        inputs = (self.input, *(self.input if rate is None else rate for rate in special))
        outputs = (self.output, reasoning, self.audio_output, self.image_output)
        return tuple(_parts(rate, PARTS // 1_000_000) for rate in inputs + outputs)

    @cached_property
    def _parts_per_unit(self) -> tuple[int | None, ...]:
        return (
            _parts(self.per_audio_minute, PARTS // 60_000),
            _parts(self.per_million_characters, PARTS // 1_000_000),
            _parts(self.per_image, PARTS),
        )


def _total(counts: tuple[int, ...], rates: tuple[int | None, ...]) -> int:
    return sum([count * rate for count, rate in zip(counts, rates, strict=True) if rate])


def _used(buckets: tuple[str, ...], counts: tuple[int, ...], rates: tuple[int | None, ...]) -> tuple[str, ...]:
    """Return the buckets that were used and have no rate."""
    return tuple([name for name, count, rate in zip(buckets, counts, rates, strict=True) if count and rate is None])


def _parts(rate: Amount | None, scale: int) -> int | None:
    return None if rate is None else nano(rate) * scale


def _half_even(parts: int) -> int:
    whole, rest = divmod(parts, PARTS)
    return whole + (2 * rest > PARTS or (2 * rest == PARTS and whole % 2 == 1))
