"""An operator's own prices: which calls they are for, and how they are laid over those of the book."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from shared.catalog.model import CONFIGURATION, UNIT_RATES, Price, PriceConfig, Region, Tier

_ALWAYS = datetime.min.replace(tzinfo=UTC)


def specificity(override: PriceConfig) -> tuple[bool, int, int]:
    """Exact names before globs; among globs the one with the longest fixed beginning; of two, the one that says more of its calls."""
    fixed = re.split(r"[*?\[]", override.model, maxsplit=1)[0]
    said = (override.provider, override.region, override.tier, override.effective_from, override.effective_to)
    return fixed == override.model, len(fixed), sum(each is not None for each in said)


def applies(override: PriceConfig, names: Sequence[str], glob: str, place: tuple[str | None, str, str]) -> bool:
    """Whether an override is for a model of these names, with this provider (None: whichever), region and tier."""
    provider, region, tier = place
    return (
        override.provider in (None, provider)
        and override.region in (None, region)
        and override.tier in (None, tier)
        and any(fnmatchcase(name, glob) for name in names)
    )


def own_prices(override: PriceConfig, listed: Sequence[Price], region: str, tier: str) -> Iterator[Price]:
    """Yield the override as prices: over each listed one while that is in effect, then by itself for all other times.

    An operator who states nothing but rates per unit means to pay by the unit, where the book bills tokens too.
    """
    about = {"source": CONFIGURATION, "reviewed": None, "note": override.note}
    own = {**override.named(), **about, "long": override.long, "by_unit": override.named().keys() <= UNIT_RATES}
    start, end = override.effective_from or _ALWAYS, override.effective_to
    for price in listed:
        first, last = max(price.effective_from, start), _earlier(price.effective_to, end)
        if last is None or first < last:
            yield price.changed({**own, "effective_from": first, "effective_to": last})
    place = {"region": _known(region, Region), "tier": _known(tier, Tier)}
    span = {"effective_from": start, "effective_to": end}
    yield Price.model_validate({**own, **place, **span, "provider": CONFIGURATION, "model": override.model})


def _known(name: str, kind: type[Region] | type[Tier]) -> str | None:
    return name if name in set(kind) else next(iter(kind))


def _earlier(first: datetime | None, second: datetime | None) -> datetime | None:
    ends = [end for end in (first, second) if end is not None]
    return min(ends, default=None)
