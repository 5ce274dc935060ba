"""Puts the host together: the worker, the HTTP app, and a listener for each timer and queue function."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devhost import ncrontab
from devhost.admin import Admin
from devhost.host_settings import HostSettings, resolve
from devhost.http import HttpApp
from devhost.listeners import Listener, Run, runner
from devhost.queues import QueueListener
from devhost.relay import DirectRelay, Relay, StrictRelay
from devhost.routes import Route, RouteTable
from devhost.stopping import StopSignal
from devhost.templates import RouteInvalid
from devhost.timers import ScheduleMonitor, Timer, is_monitored
from devhost.worker import AppInvalid, Function, Worker
from shared.clock import Clock
from shared.queues import QueueReceiver

_log = logging.getLogger("devhost.host")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the host is given. `is_strict` keeps the extension's whole FastAPI app in the way of every request."""

    app_dir: Path
    data_dir: Path
    environment: Mapping[str, str]
    receiver: QueueReceiver
    clock: Clock
    max_deliveries: int = 10
    is_strict: bool = False


class Host:
    """A loaded function app. `app` serves its HTTP functions; `listen` fires the others until the signal."""

    def __init__(self, worker: Worker, app: HttpApp, admin: Admin, listeners: Mapping[str, Listener]) -> None:
        self.worker, self.app = worker, app
        self._admin, self._listeners = admin, listeners

    async def listen(self, stop: StopSignal) -> None:
        """Return once the signal is set and every invocation that was under way has ended."""
        tasks = []
        for name, listener in self._listeners.items():
            task = asyncio.create_task(listener.listen(stop), name=name)
            task.add_done_callback(_report)
            tasks.append(task)
        await stop.wait()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._admin.finish()

    def count(self, *trigger_types: str) -> int:
        return len(self.worker.triggered_by(*trigger_types))


async def build_host(given: Surroundings) -> Host:
    """Load the app in `given.app_dir`. Raises AppInvalid for what the real host would put in error."""
    worker = await Worker.load(given.app_dir)
    settings = HostSettings.of(given.app_dir, given.max_deliveries)
    run = runner(worker)
    admin = Admin(worker.functions, run, given.clock)
    routes = _routes(worker, settings)
    for warning in routes.shadowed:
        _log.warning(warning)
    app = HttpApp(routes, worker.functions, _relay(worker, given.is_strict), admin)
    listeners: dict[str, Listener] = {}
    for function in worker.functions.values():
        _warn_of_outputs(function)
        if listener := _listener(function, given, settings, run):
            listeners[function.name] = listener
    return Host(worker, app, admin, listeners)


def _routes(worker: Worker, settings: HostSettings) -> RouteTable:
    functions = worker.triggered_by("httpTrigger")
    if functions and worker.web_app is None:
        raise AppInvalid(
            "This host runs HTTP functions of the streaming kind only: azurefunctions-extensions-http-fastapi."
        )
    try:
        return RouteTable(
            Route.of(f.name, f.trigger.get("route"), f.trigger.get("methods") or (), settings.route_prefix)
            for f in functions
        )
    except RouteInvalid as error:
        raise AppInvalid(str(error)) from error


def _relay(worker: Worker, is_strict: bool) -> Relay:
    if worker.web_app is None:
        return StrictRelay(None)  # never called: there are no routes
    return StrictRelay(worker.web_app) if is_strict else DirectRelay(worker.web_app)


def _listener(function: Function, given: Surroundings, settings: HostSettings, run: Run) -> Listener | None:
    match function.trigger_type:
        case "httpTrigger":
            return None
        case "timerTrigger":
            return _timer(function, given, run)
        case "serviceBusTrigger" | "queueTrigger" if "queueName" in function.trigger:
            queue = resolve(function.trigger["queueName"], given.environment)
            return QueueListener(function, queue, given.receiver, run, settings)
        case other:
            _log.warning(
                "%s has a %s, which this host fires by hand only: POST /admin/functions/…", function.name, other
            )
            return None


def _timer(function: Function, given: Surroundings, run: Run) -> Timer:
    try:
        schedule = ncrontab.parse(resolve(function.trigger["schedule"], given.environment))
    except ncrontab.ScheduleInvalid as error:
        raise AppInvalid(f"The '{function.name}' function is in error: {error}") from error
    monitor = ScheduleMonitor(given.data_dir / "timers.json") if is_monitored(function, schedule) else None
    return Timer(function, schedule, run, monitor, given.clock)


def _warn_of_outputs(function: Function) -> None:
    if function.outputs:
        _log.warning("%s has output bindings, which this host does not carry", function.name)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("%s is not fired any more: its listener failed", task.get_name(), exc_info=error)
