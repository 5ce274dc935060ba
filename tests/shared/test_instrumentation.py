import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from shared.adapters.service_bus import ServiceBusPublisher
from shared.budgets.model import Alert
from shared.catalog.model import Charge
from shared.catalog.rating import served_of
from shared.directory.model import Mode
from shared.documents import StoreUnavailable
from shared.instrumentation import (
    HasOutbox,
    StoreFigures,
    budget_figures,
    cost_of,
    kind_of,
    lease_figures,
    models_of,
    tell_gauges,
    watch,
)
from shared.leases.model import Allowance, Exhausted
from shared.leases.service import Leases
from shared.money import amount
from shared.telemetry.instruments import LEASES
from shared.telemetry.service import Telemetry
from shared.windows import CalendarPeriod, FixedWindow, Period
from tests.fakes import MemoryDocuments, MemoryEvents
from tests.shared.gateway.harness import Gateway
from tests.shared.leases.fleet import Fleet
from tests.shared.telemetry.recording import EVENT, MemoryRecorder

NOW = datetime(2026, 11, 2, tzinfo=UTC)


class Told:
    """Telemetry that is closed to see what it was told."""

    def __init__(self) -> None:
        self.recorder = MemoryRecorder()
        self.telemetry = Telemetry(lambda on_lost: self.recorder, first_s=10, patience_s=10)

    def of(self, name: str) -> list[tuple[float, dict[str, object]]]:
        self.telemetry.close()
        return self.recorder.of(name)


@pytest.fixture
def told() -> Told:
    return Told()


def alert(scope: str, action: str = "block") -> Alert:
    window = CalendarPeriod(Period.MONTH).at(NOW)
    return Alert("bud_1", scope, None, window, 100, action, Decimal(10), Decimal(10), NOW, Mode.ENFORCE)  # type: ignore[arg-type]


def test_only_what_is_configured_or_priced_may_be_named(tmp_path: Path) -> None:
    runtime = Gateway(tmp_path).runtime
    models = models_of(runtime.router, runtime.prices)

    for name, told_as in (
        ("both", "both"),
        ("gpt-4o-west", "gpt-4o-west"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("plain-x", "other"),
    ):
        assert models.asked(replace(EVENT, requested_model=name, catalog_model=None)) == told_as
    for pattern in ("plain-*", "{model}"):
        assert models.asked(replace(EVENT, requested_model=pattern, catalog_model=None)) == "other"


def test_a_call_costs_what_the_ledger_will_say(tmp_path: Path) -> None:
    prices = Gateway(tmp_path).runtime.prices

    assert cost_of(EVENT, prices) == (pytest.approx(9 * 2.5e-6 + 3 * 1.25e-6 + 2 * 1e-5), "USD")
    assert cost_of(replace(EVENT, served_model="?", catalog_model="?", requested_model="?"), prices) is None


@pytest.mark.parametrize("capacity", ["standard", "spillover", "provisioned"])
@pytest.mark.parametrize("tier", [None, "flex", "batch", "priority", "unheard of"])
@pytest.mark.parametrize("served", ["gpt-4o-2024-11-20", None, "gpt-4o"])
def test_estimates_are_made_from_what_the_ledger_reads(
    tmp_path: Path, served: str | None, tier: str | None, capacity: str
) -> None:
    prices = Gateway(tmp_path).runtime.prices
    event = replace(EVENT, served_model=served, service_tier=tier, capacity=capacity)
    charge = prices.rate(served_of(event.to_json()), event.usage)

    expected = (float(amount(charge.cost)), charge.currency) if isinstance(charge, Charge) else None
    assert cost_of(event, prices) == expected


def test_budgets_that_are_used_up_count_by_what_they_are_for(told: Told) -> None:
    tell = budget_figures(told.telemetry)
    for scope in ("organization", "teams/research", "teams/research/applications/bot"):
        tell(alert(scope))
    tell(alert("teams/research", "notify"))

    assert [attributes["scope"] for _, attributes in told.of("tollgate.budgets.exhausted")] == [
        "organization",
        "team",
        "application",
    ]
    assert kind_of("areas/x") == "area"
    assert kind_of("who/knows") == "other"


def test_the_store_tells_its_charge_its_time_and_when_it_is_throttled(told: Told) -> None:
    figures, place = StoreFigures(told.telemetry.count), {"container": "counters", "operation": "increment"}
    figures.charged("counters", "increment", 10.5)
    figures.charged("counters", "increment", 1)
    figures.throttled("counters", "increment")
    figures.took("counters", "increment", 0.02)

    assert told.of("tollgate.store.charge") == [(11.5, place)]
    assert told.of("tollgate.store.throttled") == [(1, place)]
    assert told.of("tollgate.store.duration") == [(0.02, place)]


async def test_leases_tell_what_the_store_answered(told: Told) -> None:
    fleet = Fleet()
    results: list[str] = []
    leases = Leases(fleet.store, fleet.clock, "inst_1", fleet.tasks.spawn, tell=results.append)
    allowance = Allowance("requests", 2, FixedWindow(60))
    (await leases.take(allowance, 1)).release()
    with pytest.raises(Exhausted):
        await leases.take(allowance, 5)
    await leases.close()

    assert results == ["granted", "refused", "returned"]

    lease_figures(told.telemetry)("granted")
    assert told.of("tollgate.leases") == [(1, {"result": "granted"})]


async def test_leases_tell_that_the_store_is_away() -> None:
    fleet, results = Fleet(), list[str]()
    documents = MemoryDocuments(fleet.clock)
    documents.is_down = True
    leases = Leases(documents, fleet.clock, "inst_1", fleet.tasks.spawn, tell=results.append)
    with pytest.raises(StoreUnavailable):
        await leases.take(Allowance("requests", 2, FixedWindow(60)), 1)

    assert results == ["store_away"]


class Waiting(MemoryEvents):
    def __init__(self, waiting: Mapping[str, int] | None) -> None:
        super().__init__()
        self._waiting = waiting

    async def waiting(self) -> Mapping[str, int]:
        if self._waiting is None:
            raise StoreUnavailable
        return self._waiting


async def test_circuits_and_the_outbox_are_gauges(told: Told, tmp_path: Path) -> None:
    runtime = replace(Gateway(tmp_path).runtime, telemetry=told.telemetry, events=Waiting({"usage-events": 7}))
    east = runtime.router.deployment("east")
    assert east is not None
    for _ in range(3):
        runtime.router.circuit(east, "gpt-4o", "chat.completions").failed(runtime.clock.monotonic())

    await tell_gauges(runtime)

    assert {str(each["deployment"]): value for value, each in told.of("tollgate.circuit")} == {
        "east": 1,
        "west": 0,
        "plain": 0,
    }
    assert told.of("tollgate.outbox.waiting") == [(7, {"queue": "usage-events"})]


async def test_an_outbox_that_cannot_be_read_is_left_out(told: Told, tmp_path: Path) -> None:
    await tell_gauges(replace(Gateway(tmp_path).runtime, telemetry=told.telemetry, events=Waiting(None)))

    assert told.of("tollgate.outbox.waiting") == []
    assert len(told.of("tollgate.circuit")) == 3


def test_only_a_publisher_with_a_broker_elsewhere_has_an_outbox() -> None:
    assert issubclass(ServiceBusPublisher, HasOutbox)
    assert not issubclass(MemoryEvents, HasOutbox)


class Stuck(MemoryEvents):
    """A disk that does not answer before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = 0, asyncio.Event()

    async def waiting(self) -> Mapping[str, int]:
        self.asked += 1
        await self.may_answer.wait()
        return {}


async def test_a_disk_that_does_not_answer_is_asked_once(told: Told, tmp_path: Path) -> None:
    events, observed = Stuck(), list[Callable[[], None]]()
    told.telemetry.watch = observed.append  # type: ignore[method-assign]
    runtime = replace(Gateway(tmp_path).runtime, telemetry=told.telemetry, events=events)
    watch(runtime)
    for _ in range(5):
        observed[0]()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert events.asked == 1
    events.may_answer.set()
    await runtime.background.finish()
    observed[0]()
    await runtime.background.finish()
    assert events.asked == 2


async def test_gauges_are_watched_where_telemetry_goes_anywhere(told: Told, tmp_path: Path) -> None:
    telemetry = Telemetry(lambda on_lost: told.recorder, first_s=0.001, every_s=0.001, gauges_s=0.001, patience_s=10)
    runtime = replace(Gateway(tmp_path).runtime, telemetry=telemetry)
    watch(runtime)
    telemetry.count(LEASES, result="granted")

    async with asyncio.timeout(10):
        while not told.recorder.of("tollgate.circuit"):
            await telemetry.exposition()
    await asyncio.to_thread(telemetry.close)
