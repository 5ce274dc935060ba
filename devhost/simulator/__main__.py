"""Runs the simulator on its own: the first line of output says where it is, as JSON."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import orjson

from devhost.simulator.auth import API_KEY
from devhost.simulator.server import Simulator

_POLL_S = 1.0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devhost.simulator", description="A simulated Azure OpenAI resource."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8089, help="0 takes any free port")
    parser.add_argument("--parent-pid", type=int, help="stop when this process is gone")
    return parser.parse_args(argv)


def banner(endpoint: str) -> str:
    """Return how to call it, for a person."""
    return f"""
Simulated Azure OpenAI on {endpoint}. Try:

  curl {endpoint}/openai/v1/chat/completions -H 'api-key: {API_KEY}' -H 'content-type: application/json' \\
    -d '{{"model": "gpt-4o", "messages": [{{"role": "user", "content": "Hello"}}]}}'

Add `-H 'x-simulator-fault: 429'`, or call the deployment gpt-4o--429, to see a failure. Stop with Ctrl+C.
"""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _stopped(parent_pid: int | None) -> None:
    """Return on a signal, or within a second of the parent's end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set() and (parent_pid is None or _is_alive(parent_pid)):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _POLL_S)


async def run(arguments: argparse.Namespace) -> None:
    """Serve until a signal or the parent's end."""
    async with Simulator(arguments.host, arguments.port, records=False) as sim:
        place = {
            "endpoint": sim.endpoint,
            "identity_endpoint": sim.identity_endpoint,
            "identity_header": sim.identity_header,
        }
        print(orjson.dumps(place).decode(), flush=True)
        if sys.stdout.isatty():
            print(banner(sim.endpoint), flush=True)
        loading = asyncio.create_task(asyncio.to_thread(sim.tokenizer.load))
        await _stopped(arguments.parent_pid)
        await loading


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    try:
        asyncio.run(run(arguments))
    except OSError as error:
        sys.exit(f"The simulator cannot start on {arguments.host}:{arguments.port}: {error.strerror}")


if __name__ == "__main__":
    main()
