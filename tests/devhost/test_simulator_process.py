import asyncio
import os
import signal
import sys

import pytest

from devhost.simulator_process import Addresses, SimulatorFailed, SimulatorProcess
from devhost.stopping import StopSignal

HELLO = (
    "import json, os; print(json.dumps({'endpoint': 'http://127.0.0.1:1', 'identity_endpoint': 'http://127.0.0.1:1/msi/token',"
    " 'identity_header': str(os.getpid())}), flush=True);"
)
WAIT = "import signal; signal.pause()"


def python(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


async def log_says(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in caplog.text:
            await StopSignal().pause(0.01)


async def test_the_first_line_says_where_the_simulator_is() -> None:
    simulator = await SimulatorProcess.start(python(HELLO + WAIT))
    pid = simulator.addresses.identity_header
    await simulator.stop()

    assert simulator.addresses == Addresses("http://127.0.0.1:1", "http://127.0.0.1:1/msi/token", pid)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


async def test_its_death_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    simulator = await SimulatorProcess.start(python(HELLO + WAIT))

    os.kill(int(simulator.addresses.identity_header), signal.SIGKILL)

    await log_says(caplog, "The simulator ended with exit code -9")
    await simulator.stop()


async def test_what_it_prints_later_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    simulator = await SimulatorProcess.start(python(HELLO + "print('a word', flush=True);" + WAIT))

    await log_says(caplog, "a word")
    await simulator.stop()

    assert "ended" not in caplog.text


async def test_a_signal_to_the_terminals_processes_does_not_reach_it() -> None:
    simulator = await SimulatorProcess.start(python(HELLO + WAIT))

    assert os.getpgid(int(simulator.addresses.identity_header)) != os.getpgid(0)
    await simulator.stop()


@pytest.mark.parametrize(
    "source", ["raise SystemExit(3)", "print('ready')", "print('[]')", 'print(\'{"endpoint": "x"}\')']
)
async def test_a_simulator_that_does_not_start_is_an_error(source: str) -> None:
    with pytest.raises(SimulatorFailed, match="did not start"):
        await SimulatorProcess.start(python(source))


async def test_it_is_killed_for_an_exit_at_once() -> None:
    simulator = await SimulatorProcess.start(
        python(HELLO + "signal = __import__('signal'); signal.signal(15, signal.SIG_IGN);" + WAIT)
    )

    simulator.kill()
    await simulator.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(int(simulator.addresses.identity_header), 0)
