"""One round: every contender started afresh and put through the same phases, with the bare upstream beside it."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.load import canned
from tests.load.connection import Kind
from tests.load.contenders import Address, Contender, Running
from tests.load.generator import GRACE_S, Plan
from tests.load.processes import PROJECT, NotReady, Started, clean_environment

Figures = dict[str, float]
CONCURRENCY = 64
STREAM_CONCURRENCY = 16
PACE_MS = 2


class GeneratorFailed(Exception):
    """The load generator did not report."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds of each phase."""

    warm_up: float
    steady: float
    streaming: float
    peak: float


FULL = Durations(warm_up=2.0, steady=10.0, streaming=8.0, peak=5.0)
QUICK = Durations(warm_up=0.4, steady=1.2, streaming=1.0, peak=0.8)


def generate(plan: Plan) -> dict[str, Any]:
    """Run the load generator, in a process of its own, and return its report. Raises GeneratorFailed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.load.generator"],
            input=plan.to_json(),
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env=clean_environment(PROJECT),
            timeout=plan.duration_s + 2 * GRACE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GeneratorFailed("The load generator did not end in time.") from error
    if done.returncode:
        raise GeneratorFailed(done.stderr[-2000:])
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def plain(address: Address) -> Kind:
    return Kind("plain", address.ask())


def streamed(address: Address, pace_ms: int = 0) -> Kind:
    return Kind("streamed", address.ask(stream=True, pace_ms=pace_ms))


class Phases:
    """The phases of one round for one address; `note` hears of anything but complete answers."""

    def __init__(self, name: str, address: Address, durations: Durations, note: Callable[[str], None]) -> None:
        self._name = name
        self._address = address
        self._durations = durations
        self._note = note

    def warm_up(self) -> None:
        for kind in (plain(self._address), streamed(self._address)):
            self._run("warm-up", kind, self._durations.warm_up / 2, concurrency=8)

    def steady(self, rate: float) -> Figures:
        report = self._run("steady", plain(self._address), self._durations.steady, rate=rate)
        return dict(report["latency_ms"])

    def first_byte(self, rate: float, process: Started | None = None) -> Figures:
        """Streams at a steady rate with a pause between events, so that each event is a read and a write of its own."""
        before = process.cpu_s() if process else math.nan
        kind = streamed(self._address, PACE_MS)
        report = self._run("steady streaming", kind, self._durations.streaming, rate=rate)
        cpu_s = (process.cpu_s() if process else math.nan) - before
        return {**report["first_byte_ms"], "cpu_ms": _each_ms(cpu_s, report)}

    def peak(self, process: Started | None) -> Figures:
        report, cpu_s = self._with_cpu(process, plain(self._address), CONCURRENCY)
        return {"requests_s": report["completed"] / report["seconds"], "cpu_ms_request": _each_ms(cpu_s, report)}

    def peak_streaming(self, process: Started | None) -> Figures:
        report, cpu_s = self._with_cpu(process, streamed(self._address), STREAM_CONCURRENCY)
        return {
            "streams_s": report["completed"] / report["seconds"],
            "cpu_ms_burst": _each_ms(cpu_s, report),
            "events_s": report["events"] / report["seconds"],
        }

    def _with_cpu(self, process: Started | None, kind: Kind, concurrency: int) -> tuple[dict[str, Any], float]:
        before = process.cpu_s() if process else math.nan
        report = self._run("peak", kind, self._durations.peak, concurrency=concurrency)
        return report, (process.cpu_s() if process else math.nan) - before

    def _run(self, phase: str, kind: Kind, seconds: float, rate: float | None = None, concurrency: int = 4) -> Any:
        outcome = generate(Plan(self._address.port, [kind], seconds, rate, concurrency))
        report = outcome["kinds"][kind.name]
        failed = outcome["sent"] - report["completed"]
        if failed:
            self._note(
                f"{self._name}, {phase}: {failed} of {outcome['sent']} not answered 200 "
                f"{report['statuses']} {report['refusal']}"
            )
        if kind.name == "streamed" and report["events"] < report["completed"] * canned.EVENTS:
            self._note(f"{self._name}, {phase}: {report['events']} events in {report['completed']} streams")
        late = outcome["seconds"] - seconds
        if rate and late > max(1.0, seconds / 10):
            self._note(f"{self._name}, {phase}: saturated at {rate:g}/s, the last answer came {late:.1f} s late")
        return report | {"seconds": outcome["seconds"]}


def _each_ms(cpu_s: float, report: dict[str, Any]) -> float:
    return cpu_s * 1000 / report["completed"] if report["completed"] else math.nan


@dataclass(frozen=True, slots=True)
class Round:
    """Measures the upstream without anything in front, then each contender."""

    upstream_port: int
    durations: Durations
    note: Callable[[str], None]

    def measure(self, contenders: Sequence[Contender]) -> Iterator[tuple[str, Figures]]:
        bare = Phases("the upstream", Address(self.upstream_port), self.durations, self.note)
        bare.warm_up()
        steady = {rate: bare.steady(rate) for rate in sorted({each.rate for each in contenders})}
        first_byte = {rate: bare.first_byte(rate) for rate in sorted({each.stream_rate for each in contenders})}
        fastest = contenders[0]
        yield (
            "(upstream itself)",
            _steady_figures(steady[fastest.rate], first_byte[fastest.stream_rate])
            | bare.peak(None)
            | bare.peak_streaming(None),
        )
        for contender in contenders:
            try:
                with contender.start(self.upstream_port) as running:
                    figures = self._measure(contender, running)
            except NotReady as error:
                self.note(str(error))
            else:
                added = _added(figures.pop("steady"), steady[contender.rate])
                added_first = _added(figures.pop("first_byte"), first_byte[contender.stream_rate])
                yield contender.name, {**_steady_figures(added, added_first), **figures}

    def _measure(self, contender: Contender, running: Running) -> dict[str, Any]:
        address, process = running.address, running.process
        start = {"start_s": process.wait_for_200(address.port, address.ask()), "start_cpu_s": process.cpu_s()}
        phases = Phases(contender.name, address, self.durations, self.note)
        phases.warm_up()
        steady, first_byte = phases.steady(contender.rate), phases.first_byte(contender.stream_rate, process)
        return {
            "steady": steady,
            "first_byte": first_byte,
            "cpu_ms_stream": first_byte.pop("cpu_ms"),
            **phases.peak(process),
            **phases.peak_streaming(process),
            "rss_mb": process.rss_mb(),
            **start,
        }


def _added(through: Figures, directly: Figures) -> Figures:
    return {name: through[name] - directly[name] for name in through}


def _steady_figures(latency: Figures, first_byte: Figures) -> Figures:
    return {
        "add_p50": latency["p50"],
        "add_p95": latency["p95"],
        "add_p99": latency["p99"],
        "first_p50": first_byte["p50"],
        "first_p95": first_byte["p95"],
    }
