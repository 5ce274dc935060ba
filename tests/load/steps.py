"""`python -m tests.load.steps`: the CPU that each step of a call takes, and how often a steady load asks the store."""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from shared.gateway.body import BodyReader
from shared.gateway.call import Call
from shared.gateway.decide import decide
from shared.gateway.identify import identify
from shared.gateway.message import GatewayRequest
from shared.gateway.settle import settle
from shared.gateway.spending.admit import admit
from shared.usage.model import AttemptRecord, Outcome, TokenUsage, Usage
from tests.load import table
from tests.load.measures import percentile
from tests.shared.gateway.harness import KEYS, Gateway
from tests.shared.gateway.limited import gateway_with

STEPS = ("identify", "decide", "reserve", "settle")
POLICIES = "\n".join(
    f"id: pol_{index}, scope: {scope}, max_concurrency: 5000, max_output_tokens: 4000, rate_limits: [{{unit: requests,"
    f" limit: 1000000}}, {{unit: tokens, limit: 900000000}}], quotas: [{{tokens: 90000000000}}]"
    for index, scope in enumerate(("organization", "teams/research"))
)
BUDGETS = "\n".join(
    f"id: bud_{index}, scope: {scope}, amount: 1000000, time_zone: Europe/Berlin"
    for index, scope in enumerate(("organization", "teams/research"))
)
BODY = orjson.dumps(
    {"model": "gpt-4o", "max_tokens": 300, "messages": [{"role": "user", "content": "Say hello to everybody. " * 40}]}
)
WARM = 500


@dataclass
class Clocked:
    """CPU microseconds of each step, call by call."""

    micros: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})

    def median(self, step: str) -> float:
        return percentile(self.micros[step], 50)


def request_of() -> GatewayRequest:
    headers = {"authorization": f"Bearer {KEYS['research']}", "content-type": "application/json"}

    async def pieces() -> AsyncGenerator[bytes]:
        yield BODY

    return GatewayRequest("POST", "/v1/chat/completions", "", headers, list(headers.items()), pieces)


async def one_call(gateway: Gateway, bodies: BodyReader, clocked: Clocked) -> None:
    runtime, request = gateway.runtime, request_of()
    begun = time.thread_time_ns()
    call: Call = await identify(request, runtime)
    call.match = runtime.routes.find(request.method, request.path)
    identified = time.thread_time_ns()
    call.content = await bodies.read(call, request, call.endpoint.body)
    call.request_bytes = len(call.content.raw or b"")
    read = time.thread_time_ns()
    await decide(call, request, runtime)
    decided = time.thread_time_ns()
    await admit(call, runtime)
    reserved = time.thread_time_ns()
    call.attempts.append(AttemptRecord("east", 200, None, 1))
    call.seen.usage = Usage(TokenUsage(input_fresh=200, output_text=40))
    call.seen.model = "gpt-4o-2024-11-20"
    before = time.thread_time_ns()
    settle(call, runtime, 200, Outcome.COMPLETED)
    ended = time.thread_time_ns()
    spans = (identified - begun, decided - read, reserved - decided, ended - before)
    for step, span in zip(STEPS, spans, strict=True):
        clocked.micros[step].append(span / 1000)


async def measure(directory: Path, policies: str, budgets: str, calls: int) -> Clocked:
    gateway = gateway_with(directory, policies, budgets)
    gateway.events.publish = lambda queue, message_id, body: None  # type: ignore[method-assign]
    bodies, clocked = BodyReader(32, 200, 512, 60.0), Clocked()
    for number in range(WARM + calls):
        if number == WARM:
            clocked = Clocked()
        await one_call(gateway, bodies, clocked)
        if number % 100 == 0:
            await gateway.runtime.background.finish()
    return clocked


async def store_calls(directory: Path, calls: int, rate: float) -> Counter[str]:
    """Count what a steady load asks of the store, the upkeep of every second included."""
    gateway = gateway_with(directory, POLICIES, BUDGETS)
    bodies, asked = BodyReader(32, 200, 512, 60.0), Counter[str]()
    for name in ("get", "create", "upsert", "replace", "delete", "increment", "batch", "query", "changes", "tip"):
        setattr(gateway.documents, name, _counted(getattr(gateway.documents, name), name, asked))
    for number in range(2 * calls):
        if number == calls:
            asked.clear()
        await one_call(gateway, bodies, Clocked())
        gateway.clock.advance(1 / rate)
        if number % int(rate) == 0:
            await gateway.runtime.upkeep.round()
            await gateway.runtime.background.finish()
    return asked


def _counted(method: Any, name: str, asked: Counter[str]) -> Any:
    async def counted(*args: Any, **kwargs: Any) -> Any:
        asked[name] += 1
        return await method(*args, **kwargs)

    return counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    calls = parser.parse_args().calls
    lines = [["CPU µs a call, median", *STEPS, "together"]]
    with TemporaryDirectory() as scratch:
        for name, policies, budgets in (("nothing is limited", "", ""), ("everything is limited", POLICIES, BUDGETS)):
            clocked = asyncio.run(measure(Path(scratch), policies, budgets, calls))
            medians = [clocked.median(step) for step in STEPS]
            lines.append([name, *(f"{micros:.1f}" for micros in (*medians, sum(medians)))])
        print(table.grid(lines), end="\n\n")
        asked = asyncio.run(store_calls(Path(scratch), 1000, 100.0))
    print(f"Store calls per 1,000 requests at 100 a second: {asked.total()} ({dict(asked)})")
    print("Limited are: calls at a time, requests, tokens, a quota and a budget on two levels: ten counters a call.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
