"""`python -m devhost`: runs the function app on this machine until it is told to stop."""

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from devhost import banner, log, server
from devhost.environment import PROJECT, Environment, EnvironmentInvalid
from devhost.host import Host, Surroundings, build_host
from devhost.simulator_process import SimulatorFailed, SimulatorProcess
from devhost.stopping import StopSignal
from devhost.worker import AppInvalid
from shared.adapters.local_queue import LocalQueue
from shared.clock import SystemClock
from shared.configuration.loading import ConfigurationInvalid
from shared.settings import Settings, SettingsInvalid

_log = logging.getLogger("devhost")


def main(app_dir: Path = PROJECT) -> int:
    """Return the exit code: 0 after a stop, 1 where the host cannot run, 2 where the settings are wrong."""
    log.configure()
    try:
        environment = Environment.prepare()
        Settings.from_environment()
        uvloop.run(run(environment, app_dir))
    except (SettingsInvalid, EnvironmentInvalid, ConfigurationInvalid) as error:
        print(error, file=sys.stderr)
        return 2
    except (AppInvalid, SimulatorFailed, server.PortTaken) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def run(environment: Environment, app_dir: Path) -> None:
    """Start everything, serve until a signal, stop everything."""
    environment.data_dir.mkdir(parents=True, exist_ok=True)
    listener = server.bind(environment.port)
    stop, simulator = StopSignal(), None
    try:
        if not environment.has_upstream:
            simulator = await SimulatorProcess.start()
            addresses = simulator.addresses
            environment.use_simulator(addresses.endpoint, addresses.identity_endpoint, addresses.identity_header)
        if app_dir == PROJECT:
            # The app checks it too, but there a mistake comes with a traceback.
            from shared.bootstrap import check_settings  # noqa: PLC0415 - other apps than ours need not have it

            check_settings(Settings.from_environment(environment.variables))
        _stop_on_signals(stop, simulator)
        await _serve(environment, app_dir, listener, stop, "the simulator" if simulator else "Azure OpenAI")
    finally:
        listener.close()
        if simulator:
            await simulator.stop()


async def _serve(
    environment: Environment, app_dir: Path, listener: socket.socket, stop: StopSignal, upstream: str
) -> None:
    clock = SystemClock()
    queue = LocalQueue(environment.data_dir / "queues.db", clock)
    host = await build_host(
        Surroundings(
            app_dir=app_dir,
            data_dir=environment.data_dir,
            environment=environment.variables,
            receiver=queue,
            clock=clock,
            max_deliveries=environment.max_deliveries,
            is_strict=environment.is_strict,
        )
    )
    ours = asyncio.all_tasks()
    web = server.Server.of(host.app, environment.grace_s)
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    serving.add_done_callback(lambda _: stop.stop())
    listening = asyncio.create_task(host.listen(stop))
    await _announce(host, environment, f"http://{server.ADDRESS}:{listener.getsockname()[1]}", upstream)
    await stop.wait()
    _log.info("Stopping: open requests have %g seconds", environment.grace_s)
    web.should_exit = True
    await serving
    await asyncio.wait([listening], timeout=environment.grace_s)
    listening.cancel()
    # Calls whose callers have gone may still be reading their usage.
    if left := asyncio.all_tasks() - ours - {listening}:
        await asyncio.wait(left, timeout=environment.grace_s)
    await queue.close()
    host.worker.close()


async def _announce(host: Host, environment: Environment, url: str, upstream: str) -> None:
    status = await server.warm_up(host.app)
    if status != 200:
        _log.warning("The gateway is up but not ready: /health/ready answers %s", status)
    facts = banner.Facts(
        url=url,
        demo_key=environment.demo_key,
        operator_key=environment.operator_key,
        config_path=environment.config_path,
        data_dir=environment.data_dir,
        upstream=f"{upstream} at {environment.variables['AZURE_OPENAI_ENDPOINT']}",
        functions=len(host.worker.functions),
        timers=host.count("timerTrigger"),
        queues=host.count("serviceBusTrigger", "queueTrigger"),
    )
    print(banner.render(facts), flush=True)


def _stop_on_signals(stop: StopSignal, simulator: SimulatorProcess | None) -> None:
    def on_signal() -> None:
        if stop.is_set:
            if simulator:
                simulator.kill()
            os._exit(1)
        stop.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)


if __name__ == "__main__":
    sys.exit(main())
