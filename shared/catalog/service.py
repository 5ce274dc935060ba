"""Finds the price of a call while it is under way, and says how much to set aside before its usage is known."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from shared.catalog.model import NO_PRICE, Charge, Price, PriceConfig, Region, Tier, Unpriced
from shared.catalog.overrides import applies, own_prices, specificity
from shared.catalog.rating import NOTHING, PROVISIONED, Served, tier_of
from shared.usage.model import Usage

KEPT = 2_000
"""Names whose prices are kept: callers choose names where a route is a glob."""

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_USUAL = {
    "whisper": "whisper-1",
    "tts": "tts-1",
    "tts-hd": "tts-1-hd",
    "text-embedding-ada-002-v2": "text-embedding-ada-002",
}

UNKNOWN = 1_000
"""Output tokens to expect of a model that has not answered yet."""

_FEW = 20
"""Answers before the history of a model is trusted to be shorter than UNKNOWN."""

_MEMORY = 2_048
"""Answers after which those before count half, so that the estimate follows what callers do now."""

_HISTORIES_EACH, _TEAMS = 50, 2_000
"""Histories of each team, so that whoever makes up names forgets only his own."""

_LARGEST = 2**21 - 1
_EXACT_BITS = 3

type _Place = tuple[str | None, str, str, str]
"""Provider (None: whichever lists the model first), model, region and tier."""


class PriceBook:
    """Prices by provider, model, region and tier, under an operator's overrides."""

    def __init__(self, prices: Iterable[Price], overrides: Iterable[PriceConfig] = ()) -> None:
        listed = tuple(prices)
        self._prices = _in_order(listed)
        self._models: dict[str, set[str]] = {}
        for price in listed:
            self._models.setdefault(price.provider, set()).add(price.model)
        self._overrides = sorted(overrides, key=specificity, reverse=True)
        self._found: dict[_Place, tuple[Price, ...]] = {}
        self._all = (
            *(price.id + price.digest for price in listed),
            *(each.model_dump_json() for each in self._overrides),
        )

    @cached_property
    def digest(self) -> str:
        """Return what tells this book from every other."""
        return sha256("\n".join(self._all).encode()).hexdigest()[:16]

    @cached_property
    def models(self) -> frozenset[str]:
        """The names of all models that have a price."""
        return frozenset(model for models in self._models.values() for model in models)

    def find(
        self,
        model: str,
        at: datetime,
        *,
        region: str | None = None,
        tier: str = Tier.DEFAULT,
        provider: str | None = None,
    ) -> Price | None:
        """Return the price in effect, or None where there is none for just this region (None: global) and tier.

        Without a provider it is that of the first one in the book that has a price for the model.
        """
        key = (provider, model, region or Region.GLOBAL, tier)
        prices = self._found.get(key)
        if prices is None:
            if len(self._found) >= KEPT:
                self._found.clear()
            prices = self._found[key] = tuple(self._look_up(*key))
        for price in prices:
            if price.effective_from <= at and (price.effective_to is None or at < price.effective_to):
                return price
        return None

    def price_of(self, served: Served) -> Price | None:
        """Return the price of just what was served, by the first of its names that has one."""
        tier = tier_of(served.tier)
        if tier is None:
            return None
        named = self._seller(served)
        provider = named or served.provider
        for name in filter(None, served.models):
            model = name.removeprefix(f"{named}/") if named else name
            if price := self.find(model, served.at, region=served.region, tier=tier, provider=provider):
                return price
        return None

    def rate(self, served: Served, usage: Usage) -> Charge | Unpriced:
        """Return what a call cost. Strict: no price is borrowed from another provider, region or tier."""
        if usage == Usage(source=usage.source):
            return Charge(0, NOTHING)
        if served.capacity == PROVISIONED:
            return Charge(0, PROVISIONED)
        price = self.price_of(served)
        if price is None:
            return Unpriced(served.name, NO_PRICE)
        charge = price.charge(usage)
        if isinstance(charge, Unpriced) or price.tier not in (Tier.BATCH, Tier.FLEX):
            return charge
        ordinary = self.price_of(replace(served, tier=None))
        cost = ordinary.cost(usage) if ordinary else charge.cost
        return charge if isinstance(cost, Unpriced) else replace(charge, saved_tier=cost - charge.cost)

    def _seller(self, served: Served) -> str | None:
        """Return the provider that a name such as `openai/gpt-4o` begins with, if the book has prices of it.

        Whoever has prices of its own sells at those; and what the caller calls a model says nothing of who served it.
        """
        if served.provider in self._models:
            return None
        sellers = (name.partition("/")[0] for name in served.trusted if name and "/" in name)
        return next((seller for seller in sellers if seller in self._models), None)

    def _look_up(self, provider: str | None, model: str, region: str, tier: str) -> Iterator[Price]:
        """Yield the prices that hold one after the other, of each moment the one that wins first."""
        seller = provider if provider is not None else self._first_seller(model, region, tier)
        names = self._names(model, seller)
        listed = self._prices.get((seller, names[-1], region, tier), [])
        for override in self._overrides:
            if applies(override, names, _usual(override.model), (provider, region, tier)):
                yield from own_prices(override, listed, region, tier)
        yield from listed

    def _first_seller(self, model: str, region: str, tier: str) -> str:
        """Return the provider whose prices come first in the book, of those that have one for this."""
        for seller in self._models:
            if (seller, self._names(model, seller)[-1], region, tier) in self._prices:
                return seller
        return ""

    def _names(self, model: str, seller: str) -> tuple[str, ...]:
        """The model's usual name, followed by the one without a date unless the dated version has prices of its own."""
        name = _usual(model)
        undated = _DATED.sub("", name)
        return (name,) if name in self._models.get(seller, ()) or undated == name else (name, undated)


def load_book(overrides: Iterable[PriceConfig] = ()) -> PriceBook:
    """Read the price lists that are shipped with the code."""
    return PriceBook(shipped_prices(), overrides)


def shipped_prices() -> tuple[Price, ...]:
    """Azure's come first: a name without a provider means theirs."""
    folder = Path(__file__).with_name("data")
    files = sorted(folder.glob("*.json"), key=lambda file: (not file.name.startswith("azure"), file.name))
    entries = [entry for file in files for entry in orjson.loads(file.read_bytes())]
    return TypeAdapter(tuple[Price, ...]).validate_python(entries)


def _in_order(prices: Iterable[Price]) -> dict[tuple[str, str, str, str], list[Price]]:
    """Return the prices of each provider, model, region and tier, first to last; no moment may have two."""
    ordered: dict[tuple[str, str, str, str], list[Price]] = defaultdict(list)
    for price in sorted(prices, key=lambda price: price.effective_from):
        ordered[price.provider, price.model, price.region, price.tier].append(price)
    for (_, model, region, tier), series in ordered.items():
        for before, after in pairwise(series):
            if before.effective_to is None or before.effective_to > after.effective_from:
                raise ValueError(f"{model} ({region}, {tier}) has two prices on {after.effective_from:%Y-%m-%d}")
    return dict(ordered)


def _usual(model: str) -> str:
    """Return the name that a model has in the book: Azure calls some of them otherwise."""
    name = model.lower()
    if name.startswith("gpt-35"):
        return f"gpt-3.5{name.removeprefix('gpt-35')}"
    return _USUAL.get(name, name)


class OutputHistory:
    """How many tokens models have answered with of late, per team, model and endpoint, in memory.

    Counts are kept in bins that are eight to the octave, so an estimate is at most an eighth too high.
    """

    def __init__(self) -> None:
        self._teams: dict[str, dict[tuple[str, str], list[int]]] = {}

    def observe(self, key: tuple[str, str, str], tokens: int) -> None:
        team, *rest = key
        histories = _kept(self._teams, team, _TEAMS, dict)
        counts = _kept(histories, (rest[0], rest[1]), _HISTORIES_EACH, _no_answers)
        counts[_bin(tokens)] += 1
        counts[-1] += 1
        if counts[-1] >= _MEMORY:
            halved = [count // 2 for count in counts[:-1]]
            counts[:] = [*halved, sum(halved)]

    def p95(self, key: tuple[str, str, str]) -> int:
        """Return the tokens that 95 of 100 answers stay within."""
        counts = self._teams.get(key[0], {}).get(key[1:])
        if counts is None:
            return UNKNOWN
        longer = counts[-1] // 20
        index = len(counts) - 2
        while longer >= counts[index] and index:
            longer -= counts[index]
            index -= 1
        return _top(index) if counts[-1] >= _FEW else max(UNKNOWN, _top(index))


def _kept[K, V](entries: dict[K, V], key: K, most: int, new: Callable[[], V]) -> V:
    """Return the entry, in the place of the oldest where it is new and there are many."""
    if key not in entries:
        if len(entries) >= most:
            del entries[next(iter(entries))]
        entries[key] = new()
    return entries[key]


def _no_answers() -> list[int]:
    return [0] * (_bin(_LARGEST) + 2)


def _bin(tokens: int) -> int:
    """The first bins hold one number each, all others an eighth of an octave."""
    tokens = min(max(tokens, 0), _LARGEST)
    shift = max(0, tokens.bit_length() - _EXACT_BITS - 1)
    return (shift << _EXACT_BITS) + (tokens >> shift)


def _top(index: int) -> int:
    """Return the largest number in a bin."""
    shift = max(0, (index >> _EXACT_BITS) - 1)
    return ((index - (shift << _EXACT_BITS) + 1) << shift) - 1
