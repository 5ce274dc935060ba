"""Connects telemetry with what it tells of: builds it, and lets the store, leases, budgets and circuits tell."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import orjson

from shared.budgets.model import Alert
from shared.catalog.model import Charge
from shared.catalog.rating import Served
from shared.catalog.service import PriceBook
from shared.documents import StoreUnavailable
from shared.money import amount
from shared.routing.service import Router
from shared.runtime import Runtime
from shared.settings import Settings
from shared.telemetry import instruments
from shared.telemetry.ports import Recorder
from shared.telemetry.service import OpenRecorder, Telemetry
from shared.telemetry.translation import Translation
from shared.telemetry.vocabulary import OTHER, Models
from shared.usage.model import UsageEvent

CLOSING_S = 2.5
"""How long telemetry may take to send what is left: its thread is waited for a little longer."""

_KINDS = {
    "organization": "organization",
    "areas": "area",
    "teams": "team",
    "applications": "application",
    "users": "user",
    "keys": "key",
}

type Tell = Callable[..., None]
"""`Telemetry.count`."""


@runtime_checkable
class HasOutbox(Protocol):
    """A publisher that keeps messages back while its broker is away."""

    async def waiting(self) -> Mapping[str, int]: ...


def telemetry_of(settings: Settings, router: Router, prices: PriceBook, open_recorder: OpenRecorder) -> Telemetry:
    """Return what calls and jobs tell of themselves to; where no destination is set it takes nothing."""
    translation = Translation(
        models_of(router, prices),
        {deployment.name: deployment.capacity for deployment in router.deployments()},
        lambda event: cost_of(event, prices),
        settings.trace_sampling,
    )
    return Telemetry(open_recorder if settings.telemetry else None, translation)


def models_of(router: Router, prices: PriceBook) -> Models:
    """Return the names that somebody here has configured, or listed with a price; patterns are none."""
    configured = (name for item in router.deployments() for name in (item.model, item.upstream_name) if name)
    names = {*router.aliases(), *configured, *prices.models}
    return Models(name for name in names if not set("*?[{") & set(name))


def cost_of(event: UsageEvent, prices: PriceBook) -> tuple[float, str] | None:
    """Return what the price book says that a call cost, in units of the currency: for curves, never for accounts."""
    served = Served(
        event.provider,
        (event.served_model, event.catalog_model, event.requested_model),
        event.started_at,
        event.processing,
        event.service_tier,
        event.capacity,
    )
    charge = prices.rate(served, event.usage)
    return (float(amount(charge.cost)), charge.currency) if isinstance(charge, Charge) else None


class StoreFigures:
    """What the store costs and how it answers."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def charged(self, container: str, operation: str, units: float) -> None:
        self._tell(instruments.STORE_CHARGE, units, container=container, operation=operation)

    def throttled(self, container: str, operation: str) -> None:
        self._tell(instruments.STORE_THROTTLED, container=container, operation=operation)

    def took(self, container: str, operation: str, seconds: float) -> None:
        self._tell(instruments.STORE_DURATION, seconds, container=container, operation=operation)


def lease_figures(telemetry: Telemetry) -> Callable[[str], None]:
    return lambda result: telemetry.count(instruments.LEASES, result=result)


def budget_figures(telemetry: Telemetry) -> Callable[[Alert], None]:
    """Return what counts budgets that are used up: those that have raised the alert of what blocks."""

    def tell(alert: Alert) -> None:
        if alert.action == "block":
            telemetry.count(instruments.BUDGETS_EXHAUSTED, scope=kind_of(alert.scope))

    return tell


def kind_of(scope: str) -> str:
    """Return what a scope is a path to: organization, area, team, application, user or key."""
    parts = scope.split("/")
    return _KINDS.get(parts[-2] if len(parts) > 1 else parts[0], OTHER)


def watch(runtime: Runtime) -> None:
    """Have the gauges read again and again, beside the calls of the loop that runs now."""
    reading = asyncio.Lock()

    async def tell() -> None:
        # A disk that does not answer is not asked again and again meanwhile.
        if not reading.locked():
            async with reading:
                await tell_gauges(runtime)

    if runtime.telemetry.is_on:
        runtime.telemetry.watch(lambda: runtime.background.spawn(tell()))


async def tell_gauges(runtime: Runtime) -> None:
    telemetry = runtime.telemetry
    for deployment, is_open in runtime.router.open_circuits().items():
        telemetry.count(instruments.CIRCUIT, int(is_open), deployment=deployment)
    if isinstance(runtime.events, HasOutbox):
        try:
            for queue, waiting in (await runtime.events.waiting()).items():
                telemetry.count(instruments.OUTBOX_WAITING, waiting, queue=queue)
        except StoreUnavailable:
            # What this machine's disk does not tell now, it may tell the next time.
            return


def recorder(settings: Settings, project: Path, on_lost: Callable[[int], None]) -> Recorder:
    """Called in the thread of telemetry, a moment after the first call: what it imports would slow a start down."""
    from shared.adapters.telemetry.aloud import speak_up
    from shared.adapters.telemetry.recorders import recorder_of

    speak_up(settings.environment)
    return recorder_of(
        settings.telemetry, settings.environment, version=_version(project), on_lost=on_lost, patience_s=CLOSING_S
    )


def _version(project: Path) -> str:
    """Return what the package says of itself; of a checkout, what is installed from it."""
    manifest = project / "tollgate.json"
    if manifest.is_file():
        return str(orjson.loads(manifest.read_bytes())["version"])
    from importlib import metadata

    try:
        return metadata.version("tollgate")
    except metadata.PackageNotFoundError:
        return "unknown"
