"""The load generator, a process of its own: a plan as JSON on standard input, a report as JSON on standard output.

Open loop: requests leave at a steady rate whatever the answers do, and latency counts from the moment each was due, so a
stall shows in every request that it delays. Closed loop: a fixed number of callers, each waiting for its answer.
"""

import asyncio
import base64
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from tests.load.connection import Connection, Exchange, Kind
from tests.load.measures import percentiles

OPEN_LOOP_CONNECTIONS = 256
MAX_FAILURES = 500
GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, for how long: `rate` requests a second, or as fast as `concurrency` callers can."""

    port: int
    kinds: Sequence[Kind]
    duration_s: float
    rate: float | None = None
    concurrency: int = 4

    def to_json(self) -> str:
        kinds = [[k.name, base64.b64encode(k.request).decode(), k.weight, k.leave_after_bytes] for k in self.kinds]
        return json.dumps([self.port, kinds, self.duration_s, self.rate, self.concurrency])

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        port, kinds, duration_s, rate, concurrency = json.loads(text)
        decoded = [Kind(name, base64.b64decode(request), weight, leave) for name, request, weight, leave in kinds]
        return cls(port, decoded, duration_s, rate, concurrency)

    def mix(self) -> list[Kind]:
        """Return the kinds by weight, in an order that is shuffled and always the same."""
        cycle = [kind for kind in self.kinds for _ in range(kind.weight)]
        random.Random(7).shuffle(cycle)
        return cycle


@dataclass(slots=True)
class Tally:
    """What came of one kind of request; times in milliseconds."""

    latencies: list[float] = field(default_factory=list)
    first_bytes: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    events: int = 0
    left: int = 0
    last_body: bytes = b""

    def add(self, exchange: Exchange) -> None:
        self.statuses[exchange.status] += 1
        self.left += exchange.left
        self.events += exchange.body.count(b"data: ")
        if exchange.status != 200:
            self.last_body = exchange.body
            return
        if not exchange.left:
            self.latencies.append((exchange.ended_ns - exchange.scheduled_ns) / 1e6)
        if exchange.first_byte_ns is not None:
            self.first_bytes.append((exchange.first_byte_ns - exchange.scheduled_ns) / 1e6)

    def report(self) -> dict[str, Any]:
        return {
            "completed": self.statuses[200],
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "left": self.left,
            "events": self.events,
            "latency_ms": percentiles(self.latencies),
            "first_byte_ms": percentiles(self.first_bytes),
            "refusal": self.last_body[:300].decode(errors="replace"),
        }


class Load:
    """What both loops share: connections, the next request of the mix, and the tallies."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tallies = {kind.name: Tally() for kind in plan.kinds}
        self.sent = 0
        self.failures = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._mix = plan.mix()
        self._connections: list[Connection] = []

    async def connect(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self.on_end), "127.0.0.1", self.plan.port
        )
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def send(self, connection: Connection, scheduled_ns: int) -> None:
        connection.send(self._mix[self.sent % len(self._mix)], scheduled_ns)
        self.sent += 1

    def on_end(self, connection: Connection, exchange: Exchange) -> None:
        self.tallies[exchange.kind.name].add(exchange)
        self.failures += exchange.status == 0

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class ClosedLoop(Load):
    """A fixed number of callers: each sends its next request when the last one is answered."""

    async def run(self) -> None:
        connections = [await self.connect() for _ in range(self.plan.concurrency)]
        self._active = len(connections)
        self._ends_ns = time.perf_counter_ns() + int(self.plan.duration_s * 1e9)
        for connection in connections:
            self.send(connection, time.perf_counter_ns())
        await asyncio.wait([self.done], timeout=self.plan.duration_s + GRACE_S)

    def on_end(self, connection: Connection, exchange: Exchange) -> None:
        super().on_end(connection, exchange)
        now = time.perf_counter_ns()
        if now >= self._ends_ns or self.failures > MAX_FAILURES:
            self._retire(connection)
        elif connection.is_open:
            self.send(connection, now)
        else:
            replacing = asyncio.ensure_future(self.connect())
            replacing.add_done_callback(self._on_replaced)

    def _on_replaced(self, replacing: asyncio.Future[Connection]) -> None:
        if replacing.exception() is None:
            self.send(replacing.result(), time.perf_counter_ns())
        else:
            self._retire(None)

    def _retire(self, connection: Connection | None) -> None:
        if connection:
            connection.close()
        self._active -= 1
        if not self._active:
            self.finish()


class OpenLoop(Load):
    """A steady rate from a kernel timer, which is finer than the event loop's; late answers do not delay requests."""

    async def run(self) -> None:
        assert self.plan.rate
        self._interval_ns = int(1e9 / self.plan.rate)
        self._total = round(self.plan.duration_s * self.plan.rate)
        self._ended = 0
        self._opening: set[asyncio.Future[Connection]] = set()
        self._waiting: list[int] = []
        self._idle = [await self.connect() for _ in range(self.plan.concurrency)]
        self._count = len(self._idle)
        self._next_ns = time.perf_counter_ns() + self._interval_ns
        timer = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK)
        try:
            os.timerfd_settime_ns(timer, flags=os.TFD_TIMER_ABSTIME, initial=self._next_ns, interval=self._interval_ns)
            asyncio.get_running_loop().add_reader(timer, self._tick, timer)
            await asyncio.wait([self.done], timeout=self.plan.duration_s + GRACE_S)
        finally:
            asyncio.get_running_loop().remove_reader(timer)
            os.close(timer)

    def _tick(self, timer: int) -> None:
        due = int.from_bytes(os.read(timer, 8), sys.byteorder)
        for _ in range(min(due, self._total - self.sent - len(self._waiting))):
            self._waiting.append(self._next_ns)
            self._next_ns += self._interval_ns
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        while self._waiting and self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                self.send(connection, self._waiting.pop(0))
            else:
                self._count -= 1
        missing = len(self._waiting) - len(self._opening)
        for _ in range(min(missing, OPEN_LOOP_CONNECTIONS - self._count)):
            self._count += 1
            opening = asyncio.ensure_future(self.connect())
            self._opening.add(opening)
            opening.add_done_callback(self._on_opened)

    def _on_opened(self, opening: asyncio.Future[Connection]) -> None:
        self._opening.discard(opening)
        if opening.exception() is None:
            self._idle.append(opening.result())
            self._serve_waiting()
            return
        self._count -= 1
        self.failures += 1
        if self.failures > MAX_FAILURES:
            self.finish()

    def on_end(self, connection: Connection, exchange: Exchange) -> None:
        super().on_end(connection, exchange)
        self._ended += 1
        if connection.is_open:
            self._idle.append(connection)
        else:
            self._count -= 1
        self._serve_waiting()
        if self._ended == self._total or self.failures > MAX_FAILURES:
            self.finish()


async def generate(plan: Plan) -> dict[str, Any]:
    """Carry out the plan and report on each kind of request."""
    load = OpenLoop(plan) if plan.rate else ClosedLoop(plan)
    began = time.perf_counter()
    await load.run()
    seconds = time.perf_counter() - began
    load.close()
    return {
        "seconds": seconds,
        "sent": load.sent,
        "unanswered": load.sent - sum(tally.statuses.total() for tally in load.tallies.values()),
        "kinds": {name: tally.report() for name, tally in load.tallies.items()},
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(generate(Plan.from_json(sys.stdin.read())))))
