"""Child processes that work on a store until they are killed."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path


async def kill_after(lines: int, script: str, *arguments: str) -> list[str]:
    """Run the script, kill -9 it once it has printed so many lines, and return all that it printed."""
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert process.stdout
    printed = [await asyncio.wait_for(process.stdout.readline(), 20) for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    printed += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line.decode().strip() for line in printed if line.endswith(b"\n")]
