"""What was served, as far as its price depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.catalog.model import Tier

PROVISIONED = "provisioned"
"""The capacity that is paid by the hour, and the price of every call that it serves."""

NOTHING = "nothing"
"""The price of a call that used nothing that anybody bills."""

_TIERS: Mapping[str | None, Tier] = {
    None: Tier.DEFAULT,
    "": Tier.DEFAULT,
    "auto": Tier.DEFAULT,
    "default": Tier.DEFAULT,
    "standard": Tier.DEFAULT,
    # Paid by the month, beside what its calls are listed at.
    "scale": Tier.DEFAULT,
    "priority": Tier.PRIORITY,
    # OpenAI's newer name of it.
    "fast": Tier.PRIORITY,
    "flex": Tier.FLEX,
    "batch": Tier.BATCH,
}


@dataclass(frozen=True, slots=True)
class Served:
    """One call as its provider bills it.

    `models` are its names, the most trusted first: the one that the upstream says it served, the deployment's name in the price list,
    the one that was asked for. One of the first two may name the seller as well, as in `anthropic/claude-haiku-4-5`: then that
    seller's prices count, unless the provider has its own. `region` is where the provider may process (None: anywhere), `tier`
    what the answer calls the service tier.
    """

    provider: str | None
    models: tuple[str | None, ...]
    at: datetime
    region: str | None = None
    tier: str | None = None
    capacity: str = "standard"

    @property
    def trusted(self) -> tuple[str | None, ...]:
        """The names that the caller did not choose."""
        return self.models[:2]

    @property
    def name(self) -> str:
        """The name by which it is listed where it has no price."""
        return next((name for name in (*self.models[1:], *self.models[:1]) if name), "")


def tier_of(named: str | None) -> Tier | None:
    """Return the tier that a provider means; None where it is a tier that nobody knows."""
    return _TIERS.get(named)


def served_of(event: Mapping[str, object]) -> Served:
    """Return what a usage event of the newest schema says was served."""
    names = ("served_model", "catalog_model", "requested_model")
    return Served(
        provider=_text(event["provider"]),
        models=tuple(_text(event[name]) for name in names),
        at=datetime.fromisoformat(str(event["started_at"])),
        region=_text(event["processing"]),
        tier=_text(event["service_tier"]),
        capacity=str(event["capacity"]),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
