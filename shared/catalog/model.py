"""What models cost: rates in effect from one moment to the next, and the exact arithmetic that turns usage into money."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from operator import attrgetter
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from shared.catalog.shares import divided
from shared.fields import Alias, Label, Name, Strict
from shared.money import Amount, nano
from shared.usage.model import NO_UNITS, TokenUsage, Units, Usage

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

PARTS = 3_000_000
"""Costs are added in this many parts of a nano-unit: of those, a token, a character and a millisecond cost whole numbers."""

CONFIGURATION = "configuration"
"""Provider and source of a price that stands in no book."""

TOKEN_BUCKETS = tuple(each.name for each in fields(TokenUsage))
UNIT_BUCKETS = tuple(each.name for each in fields(Units))
_BUCKETS = TOKEN_BUCKETS + UNIT_BUCKETS
_TOKENS, _UNITS = attrgetter(*TOKEN_BUCKETS), attrgetter(*UNIT_BUCKETS)
NO_TOKENS = TokenUsage()
UNIT_RATES = frozenset({"per_audio_minute", "per_million_characters", "per_image"})


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

    @cached_property
    def per_token(self) -> tuple[int | None, ...]:
        """The rates of TOKEN_BUCKETS, in PARTS of a nano-unit."""
        reasoning = self.output if self.reasoning is None else self.reasoning
        special = (self.cached_input, self.cache_write, self.audio_input, self.image_input)
        inputs = (self.input, *(self.input if rate is None else rate for rate in special))
        outputs = (self.output, reasoning, self.audio_output, self.image_output)
        return tuple(_parts(rate, PARTS // 1_000_000) for rate in inputs + outputs)

    @cached_property
    def per_unit(self) -> tuple[int | None, ...]:
        """The rates of UNIT_BUCKETS, in PARTS of a nano-unit."""
        return (
            _parts(self.per_audio_minute, PARTS // 60_000),
            _parts(self.per_million_characters, PARTS // 1_000_000),
            _parts(self.per_image, PARTS),
        )


class LongPrompt(Rates):
    """The rates of a whole call whose input, cached or not, is more than `over` tokens. Units cost as otherwise."""

    over: Annotated[int, Field(gt=0)]


class PriceConfig(Rates):
    """An operator's own rates for models that match a glob; they win over those of the book.

    What is left out holds for all: every provider, region and tier, at any time. They are for prompts of every length, unless `long`
    says otherwise.
    """

    model: Alias
    provider: Name | None = None
    region: Region | None = None
    tier: Tier | None = None
    effective_from: AwareDatetime | None = None
    effective_to: AwareDatetime | None = None
    long: LongPrompt | None = None
    note: Label | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.effective_from and self.effective_to and self.effective_to <= self.effective_from:
            raise ValueError("effective_to must be later than effective_from")
        return self


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Not a cost of zero: the price has no rate for these buckets, and they were used. `("price",)`: there is no price at all."""

    model: str
    buckets: tuple[str, ...]


NO_PRICE = ("price",)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call cost, in nano-units: `lines` divides `cost` without a rest by the buckets that were used.

    `saved_cache` is what the cached input would have cost more as fresh, `saved_tier` what the call would have cost more in the
    default tier. `price` is the id of the price that was applied.
    """

    cost: int
    price: str
    lines: Mapping[str, int] = field(default_factory=dict)
    currency: str = "USD"
    saved_cache: int = 0
    saved_tier: int = 0


class Price(Rates):
    """The rates of one model in one region and tier, in effect while `effective_from <= t < effective_to`.

    `source` is the page that publishes them, `reviewed` the day when the two were last compared; None: not yet. Of a call that
    reports tokens and units only one kind is billed: its tokens, unless the price is `by_unit` or has no rate for tokens.
    """

    provider: str
    model: str
    region: Region = Region.GLOBAL
    tier: Tier = Tier.DEFAULT
    effective_from: AwareDatetime
    effective_to: AwareDatetime | None = None
    currency: Currency = "USD"
    long: LongPrompt | None = None
    source: str
    reviewed: date | None = None
    note: str | None = None
    by_unit: bool = False

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.effective_to is not None and self.effective_to <= self.effective_from:
            raise ValueError("effective_to must be later than effective_from")
        return self

    @cached_property
    def id(self) -> str:
        """Names the price for good. An operator's rates have no book that keeps them, so theirs are part of the name."""
        is_own = self.source == CONFIGURATION
        named = (CONFIGURATION if is_own else self.provider, self.model, self.region, self.tier)
        return "|".join([*named, f"{self.effective_from:%Y-%m-%d}", *([self.digest] if is_own else [])])

    @cached_property
    def digest(self) -> str:
        """The same for two prices exactly where every usage costs the same."""
        long = (self.long.over, self.long.per_token) if self.long else None
        rates = (self.currency, self.per_token, self.per_unit, long, *(["by_unit"] if self.by_unit else []))
        return sha256(repr(rates).encode()).hexdigest()[:12]

    def changed(self, changes: Mapping[str, object]) -> Self:
        """Return the same price with other fields."""
        return self.model_validate({**{name: getattr(self, name) for name in type(self).model_fields}, **changes})

    def charge(self, usage: Usage) -> Charge | Unpriced:
        """Return what the usage costs, exact until it is rounded once, half to even, and then divided over its lines."""
        usage = self._billed(usage)
        parts = self._lines(usage)
        if isinstance(parts, Unpriced):
            return parts
        cost = _half_even(sum(parts))
        shares = divided(cost, parts)
        lines = {name: share for name, share in zip(_BUCKETS, shares, strict=True) if share}
        return Charge(cost, self.id, lines, self.currency, saved_cache=self._saved(usage))

    def cost(self, usage: Usage) -> int | Unpriced:
        """Return what the usage costs in nano-units, without its lines."""
        parts = self.parts(usage)
        return parts if isinstance(parts, Unpriced) else _half_even(parts)

    def parts(self, usage: Usage) -> int | Unpriced:
        """Return the exact cost in PARTS of a nano-unit, which can be added up."""
        lines = self._lines(self._billed(usage))
        return lines if isinstance(lines, Unpriced) else sum(lines)

    def rates_for(self, usage: Usage) -> Rates:
        """Return the rates for the tokens of a call of this length."""
        return self.long if self.long is not None and usage.tokens.input > self.long.over else self

    def _lines(self, usage: Usage) -> list[int] | Unpriced:
        """Return the cost of each bucket in PARTS."""
        tokens, units = _TOKENS(usage.tokens), _UNITS(usage.units)
        per_token, per_unit = self.rates_for(usage).per_token, self.per_unit
        lacking = _used(TOKEN_BUCKETS, tokens, per_token) + _used(UNIT_BUCKETS, units, per_unit)
        if lacking:
            return Unpriced(self.model, lacking)
        counts, rates = (*tokens, *units), (*per_token, *per_unit)
        return [count * (rate or 0) for count, rate in zip(counts, rates, strict=True)]

    def _billed(self, usage: Usage) -> Usage:
        """Return the tokens or the units: a provider that bills the tokens of a picture does not bill the picture as well."""
        if usage.units == NO_UNITS or usage.tokens == NO_TOKENS:
            return usage
        is_by_unit = self.by_unit or all(rate is None for rate in self.per_token)
        if is_by_unit and not _used(UNIT_BUCKETS, _UNITS(usage.units), self.per_unit):
            return Usage(units=usage.units, source=usage.source)
        return Usage(usage.tokens, source=usage.source)

    def _saved(self, usage: Usage) -> int:
        fresh, cached = self.rates_for(usage).per_token[:2]
        return 0 if fresh is None or cached is None else _half_even(usage.tokens.input_cached * (fresh - cached))


def _used(buckets: tuple[str, ...], counts: tuple[int, ...], rates: tuple[int | None, ...]) -> tuple[str, ...]:
    """Return the buckets that were used and have no rate."""
    return tuple([name for name, count, rate in zip(buckets, counts, rates, strict=True) if count and rate is None])


def _parts(rate: Amount | None, scale: int) -> int | None:
    return None if rate is None else nano(rate) * scale


def _half_even(parts: int) -> int:
    whole, rest = divmod(parts, PARTS)
    return whole + (2 * rest > PARTS or (2 * rest == PARTS and whole % 2 == 1))
