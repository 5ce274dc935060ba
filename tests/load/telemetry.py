"""`python -m tests.load.telemetry`: the CPU that telling of a call takes, on the loop and in the thread behind it.

On the loop is what a call waits for; all is that with translation and, where a destination is named, what its library takes.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.adapters.telemetry.recorders import recorder_of
from shared.directory.model import Role
from shared.gateway.call import Call
from shared.gateway.settle import _tell
from shared.instrumentation import telemetry_of
from shared.settings import AccessLog
from shared.telemetry.model import Point, Span
from shared.telemetry.ports import Recorder
from tests.load import table
from tests.load.measures import percentile
from tests.shared.gateway.harness import Gateway
from tests.shared.management.office import caller
from tests.shared.telemetry.recording import EVENT

BATCH, BATCHES = 50, 60
CALLER = caller("dev-a", Role.DEVELOPER, "teams/a")


class Nowhere:
    def record(self, points: Sequence[Point]) -> None: ...

    def export(self, spans: Sequence[Span]) -> None: ...

    def exposition(self) -> None:
        return None

    def close(self) -> None: ...


def _recorder(name: str) -> Recorder:
    return Nowhere() if name == "nowhere" else recorder_of((name,), os.environ, version="load")


def measure(gateway: Gateway, destination: str, ratio: float, access_log: AccessLog) -> tuple[float, float]:
    """Return microseconds of CPU per call: on the loop, and in the thread behind it."""
    runtime = gateway.runtime
    settings = replace(runtime.settings, telemetry=("otlp",), trace_sampling=ratio, access_log=access_log)
    telemetry = telemetry_of(settings, runtime.router, runtime.prices, lambda on_lost: _recorder(destination))
    runtime = replace(runtime, settings=settings, telemetry=telemetry)
    # The thread is kept from running, so that its rounds can be measured here.
    telemetry._start = lambda: None  # type: ignore[method-assign]
    call = Call(EVENT.id, EVENT.started_at, runtime.clock.monotonic(), CALLER, "POST")
    call.asked = call.started
    told, rounds = list[float](), list[float]()
    for batch in range(BATCHES):
        events = [replace(EVENT, id=f"req_{batch}_{number}") for number in range(BATCH)]
        begun = time.thread_time_ns()
        for event in events:
            _tell(call, runtime, event)
        between = time.thread_time_ns()
        telemetry._round()
        ended = time.thread_time_ns()
        told.append((between - begun) / 1000 / BATCH)
        rounds.append((ended - between) / 1000 / BATCH)
    telemetry.close()
    return percentile(told[10:], 50), percentile(rounds[10:], 50)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("destinations", nargs="*", default=["nowhere", "prometheus"])
    options = parser.parse_args(arguments)
    log = logging.getLogger("tollgate.calls")
    log.setLevel(logging.INFO)
    log.addHandler(logging.FileHandler(os.devnull))
    rows = [("recorder", "sampling", "log", "loop µs", "thread µs", "all µs")]
    with TemporaryDirectory() as directory:
        gateway = Gateway(Path(directory))
        for destination in options.destinations:
            for ratio, access_log in ((0.1, AccessLog.OFF), (1.0, AccessLog.OFF), (0.1, AccessLog.JSON)):
                loop, thread = measure(gateway, destination, ratio, access_log)
                rows.append(
                    (
                        destination,
                        f"{ratio:g}",
                        access_log.value,
                        f"{loop:.1f}",
                        f"{thread:.1f}",
                        f"{loop + thread:.1f}",
                    )
                )
    print(table.grid(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
