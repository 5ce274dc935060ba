"""Starts the simulator of Azure OpenAI beside the host, watches it, and takes it down with the host."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from devhost.environment import PROJECT

COMMAND = (sys.executable, "-m", "devhost.simulator", "--port", "0", "--parent-pid", str(os.getpid()))
_START_S, _STOP_S = 60.0, 5.0

_log = logging.getLogger("devhost.simulator")


class SimulatorFailed(Exception):
    """The simulator ended, or said nothing sensible, before it was ready."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the simulator says on its first line of output."""

    endpoint: str
    identity_endpoint: str
    identity_header: str


class SimulatorProcess:
    """A running simulator. It has its own session, so that Ctrl-C lets open requests end before it goes."""

    def __init__(self, process: Process, addresses: Addresses) -> None:
        self.addresses = addresses
        self._process = process
        self._is_stopping = False
        self._watch = asyncio.create_task(self._report_end())

    @classmethod
    async def start(cls, command: Sequence[str] = COMMAND) -> Self:
        """Return when it serves. Raises SimulatorFailed."""
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=PROJECT, start_new_session=True)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_START_S):
                line = await process.stdout.readline()
            return cls(process, Addresses(**json.loads(line)))
        except (TimeoutError, ValueError, TypeError) as error:
            if process.returncode is None:
                process.kill()
            code = await process.wait()
            raise SimulatorFailed(f"The simulator of Azure OpenAI did not start (exit code {code}).") from error

    async def stop(self) -> None:
        self._is_stopping = True
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        await self._watch

    def kill(self) -> None:
        """For an exit at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def _report_end(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            _log.info("%s", line.decode(errors="replace").rstrip())
        code = await self._process.wait()
        if not self._is_stopping:
            _log.error(
                "The simulator ended with exit code %s: upstream calls fail until the host is started again", code
            )
