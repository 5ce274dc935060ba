"""Finds the price of a call while it is under way, and says how much to set aside before its usage is known."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from shared.catalog.model import Price, PriceConfig, Region, Tier

CONFIGURATION = "configuration"
"""Provider and source of a price that stands in no book."""

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


class PriceBook:
    """Prices by model, region and tier, under an operator's overrides."""

    def __init__(self, prices: Iterable[Price], overrides: Iterable[PriceConfig] = ()) -> None:
        self._prices = _in_order(prices)
        self._models = {model for model, _, _ in self._prices}
        self._overrides = sorted(overrides, key=_fixed_beginning, reverse=True)
        self._found: dict[tuple[str, str | None, str], tuple[Price, ...]] = {}

    def find(self, model: str, at: datetime, *, region: str | None = None, tier: str = Tier.DEFAULT) -> Price | None:
        """Return the price in effect, or None where there is none for just this region (None: global) and tier."""
        key = (model, region, tier)
        prices = self._found.get(key)
        if prices is None:
            if len(self._found) >= KEPT:
                self._found.clear()
            prices = self._found[key] = tuple(self._look_up(model, region or Region.GLOBAL, tier))
        for price in prices:
            if price.effective_from <= at and (price.effective_to is None or at < price.effective_to):
                return price
        return None

    def _look_up(self, model: str, region: str, tier: str) -> Iterator[Price]:
        names = self._names(model)
        listed = self._prices.get((names[-1], region, tier), [])
        override = next((each for each in self._overrides if _applies(each, names, tier)), None)
        if override is None:
            yield from listed
            return
        rates = override.named()
        for price in listed:
            yield Price.model_validate({**dict(price), **rates})
        standing = {"provider": CONFIGURATION, "source": CONFIGURATION, "model": override.model}
        yield Price.model_validate({**standing, "effective_from": datetime.min.replace(tzinfo=UTC), **rates})

    def _names(self, model: str) -> tuple[str, ...]:
        """The model's usual name, followed by the one without a date unless the dated version has prices of its own."""
        name = _usual(model)
        undated = _DATED.sub("", name)
        return (name,) if name in self._models or undated == name else (name, undated)


def load_book(overrides: Iterable[PriceConfig] = ()) -> PriceBook:
    """Read the price list that is shipped with the code."""
    listed = Path(__file__).with_name("data") / "prices.json"
    return PriceBook(TypeAdapter(tuple[Price, ...]).validate_python(orjson.loads(listed.read_bytes())), overrides)


def _in_order(prices: Iterable[Price]) -> dict[tuple[str, str, str], list[Price]]:
    """Return the prices of each model, region and tier, first to last; no moment may have two."""
    ordered: dict[tuple[str, str, str], list[Price]] = defaultdict(list)
    for price in sorted(prices, key=lambda price: price.effective_from):
        ordered[price.model, price.region, price.tier].append(price)
    for (model, region, tier), series in ordered.items():
        for before, after in pairwise(series):
            if before.effective_to is None or before.effective_to > after.effective_from:
                raise ValueError(f"{model} ({region}, {tier}) has two prices on {after.effective_from:%Y-%m-%d}")
    return dict(ordered)


def _applies(override: PriceConfig, names: tuple[str, ...], tier: str) -> bool:
    glob = _usual(override.model)
    return override.tier in (None, tier) and any(fnmatchcase(name, glob) for name in names)


def _fixed_beginning(override: PriceConfig) -> tuple[bool, int, bool]:
    """Exact names before globs; among globs the one with the longest fixed beginning; of two, the one for one tier."""
    fixed = re.split(r"[*?\[]", override.model, maxsplit=1)[0]
    return fixed == override.model, len(fixed), override.tier is not None


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
