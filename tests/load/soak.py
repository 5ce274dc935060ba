"""`python -m tests.load.soak`: a steady mixed load on Tollgate; fails when memory grows or a usage event is missing."""

import argparse
import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.load import table
from tests.load.connection import Kind
from tests.load.contenders import CHAT_PATH, Address, Running, Tollgate
from tests.load.generator import Plan
from tests.load.http_messages import post
from tests.load.measures import second_half, slope, sparkline
from tests.load.mock_upstream import STATS_PATH
from tests.load.processes import HOST, NotReady, get_json, mock_upstream, scratch
from tests.load.rounds import GeneratorFailed, generate

SAMPLE_S = 10.0
INGEST_S = 60.0
MAX_GROWTH = 0.5
MAX_MB = 150.0
PLAIN, STREAMED, LEFT = "plain", "streamed", "left mid-stream"
NOT_JSON, NO_KEY = "not JSON", "unknown key"
GOOD_STATUS = {PLAIN: "200", STREAMED: "200", LEFT: "200", NOT_JSON: "400", NO_KEY: "401"}


@dataclass(slots=True)
class Samples:
    """Resident memory over time: minutes and megabytes."""

    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Megabytes a minute over the second half, when everything that is filled once has been filled."""
        return slope(second_half(self.points))

    @property
    def greatest(self) -> float:
        return max((megabytes for _, megabytes in self.points), default=0.0)

    def render(self) -> str:
        sizes = [megabytes for _, megabytes in self.points]
        bounds = f"{min(sizes):.1f} to {max(sizes):.1f} MB" if sizes else "no sample"
        return f"RSS every {SAMPLE_S:g} s: {sparkline(sizes)}  {bounds}, second half {self.growth:+.3f} MB/min"


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the verdict rests on."""

    report: dict[str, Any]
    samples: Samples
    upstream_calls: int
    usage_events: int
    max_growth: float

    @property
    def calls(self) -> int:
        """The calls of known callers: those that the upstream saw, and those that were refused before it."""
        refused = self.report["kinds"].get(NOT_JSON, {"statuses": {}})["statuses"].get(GOOD_STATUS[NOT_JSON], 0)
        return self.upstream_calls + int(refused)

    def problems(self) -> list[str]:
        found = []
        if not self.samples.growth <= self.max_growth:
            found.append(f"memory grows by {self.samples.growth:.3f} MB/min; the bound is {self.max_growth:g}")
        if self.samples.greatest > MAX_MB:
            found.append(f"memory reached {self.samples.greatest:.0f} MB; the bound is {MAX_MB:g}")
        if self.usage_events != self.calls:
            found.append(f"{self.usage_events} usage events are stored for {self.calls} calls")
        if self.report["unanswered"]:
            found.append(f"{self.report['unanswered']} requests were never answered")
        for name, kind in self.report["kinds"].items():
            if set(kind["statuses"]) - {GOOD_STATUS[name]}:
                found.append(f"{name}: answers {kind['statuses']} {kind['refusal']}")
        return found


def mixture(address: Address) -> list[Kind]:
    """Ten plain requests, six streams, two callers who leave mid-stream, one request cut short and one unknown caller."""
    broken = post(f"{HOST}:{address.port}", CHAT_PATH, b'{"model":"gpt-4o"', {"authorization": f"Bearer {address.key}"})
    stranger = replace(address, key="sk-unknown000000000000000000000000000000000000000000")
    return [
        Kind(PLAIN, address.ask(), weight=10),
        Kind(STREAMED, address.ask(stream=True, pace_ms=1), weight=6),
        Kind(LEFT, address.ask(stream=True, pace_ms=2), weight=2, leave_after_bytes=2_000),
        Kind(NOT_JSON, broken),
        Kind(NO_KEY, stranger.ask()),
    ]


def soak(minutes: float, rate: float, max_growth: float) -> Outcome:
    """Raises NotReady and GeneratorFailed."""
    with scratch() as directory, mock_upstream(directory) as upstream_port, Tollgate().start(upstream_port) as running:
        running.process.wait_for_200(running.address.port, running.address.ask())
        plan = Plan(running.address.port, mixture(running.address), minutes * 60, rate)
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(generate, plan)
            samples = _watch(running, load)
            report = load.result()
        calls = int(get_json(upstream_port, STATS_PATH)["calls"])
        outcome = Outcome(report, samples, calls, stored_events(running.directory), max_growth)
        _wait_for_events(running.directory, outcome.calls)
        running.process.stop()
        return replace(outcome, usage_events=stored_events(running.directory))


def _watch(running: Running, load: "Future[Any]") -> Samples:
    samples, began = Samples(), time.monotonic()
    while not load.done():
        with contextlib.suppress(TimeoutError):
            load.exception(timeout=SAMPLE_S)
        samples.points.append(((time.monotonic() - began) / 60, running.process.rss_mb()))
    return samples


def _wait_for_events(directory: Path, expected: int) -> None:
    """Give the queue time to be drained; the count that matters is taken after the stop."""
    deadline = time.monotonic() + INGEST_S
    while stored_events(directory) < expected and time.monotonic() < deadline:
        time.sleep(0.5)


def stored_events(directory: Path) -> int:
    database = sqlite3.connect(f"file:{directory}/data/documents.db?mode=ro", uri=True)
    with contextlib.closing(database):
        query = "SELECT count(*) FROM documents WHERE container = 'ledger' AND json_extract(body, '$.kind') = 'event'"
        return int(database.execute(query).fetchone()[0])


def render(outcome: Outcome) -> str:
    lines = [["", "sent", "answers", "P50 ms", "P95 ms", "P99 ms"]]
    for name, kind in outcome.report["kinds"].items():
        answers = ", ".join(f"{count} of {status}" for status, count in kind["statuses"].items())
        latency = kind["latency_ms"] if name in (PLAIN, STREAMED) else {}
        times = [f"{latency[each]:.1f}" if each in latency else "-" for each in ("p50", "p95", "p99")]
        lines.append([name, str(sum(kind["statuses"].values())), answers, *times])
    counts = (
        f"{outcome.calls} calls of known callers, {outcome.upstream_calls} of which reached the upstream; "
        f"{outcome.usage_events} usage events are stored."
    )
    return "\n\n".join([table.grid(lines), outcome.samples.render(), counts])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="at most 120 (10)")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second (100)")
    parser.add_argument("--max-growth", type=float, default=MAX_GROWTH, help=f"MB a minute ({MAX_GROWTH})")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        outcome = soak(min(options.minutes, 120.0), options.rate, options.max_growth)
    except (NotReady, GeneratorFailed) as error:
        print(error, file=sys.stderr)
        return 1
    print(render(outcome))
    problems = outcome.problems()
    print("\n".join(f"FAILED: {problem}" for problem in problems) or "Passed.")
    if options.json:
        result = {"report": outcome.report, "rss": outcome.samples.points, "problems": problems}
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
