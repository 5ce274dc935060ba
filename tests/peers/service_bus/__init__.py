"""A Service Bus to test against: an AMQP broker of our own, in node, that can be sent away and called back."""

import asyncio
import base64
import json
import shutil
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_INSTALLED = _HERE.parents[2] / ".tools" / "service-bus-peer"


class NpmMissing(Exception):
    """The peer needs node and npm, and a registry for its first installation."""


class ServiceBusPeer:
    """Talks to the broker process; its queues survive while it is away."""

    def __init__(self, process: Process, port: int) -> None:
        self._process, self._port = process, port

    @property
    def connection_string(self) -> str:
        return (
            f"Endpoint=sb://127.0.0.1:{self._port};SharedAccessKeyName=gateway;SharedAccessKey=bm90LWEtc2VjcmV0;"
            "UseDevelopmentEmulator=true;"
        )

    async def do(self, command: str, **more: str) -> dict[str, Any]:
        """`away`, `back`, `refuse`, `mute` (take but never answer), `lose` (settlements have no effect) or `accept`."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": command, **more}).encode() + b"\n")
        return await _answer(self._process)

    async def dead_letter(self, queue: str, id: str, reason: str) -> None:
        """Make a dead letter whose body is its id."""
        await self.do("dead_letter", queue=queue, id=id, reason=reason)

    async def depth_of_dead_letters(self, queue: str) -> int:
        depth: int = (await self.do("dead", queue=queue))["depth"]
        return depth

    async def received(self, queue: str) -> dict[str, bytes]:
        """Bodies by message id."""
        messages = (await self.do("received"))[queue]
        return {id: base64.b64decode(message["body"]) for id, message in messages.items()}

    async def content_types(self, queue: str) -> set[str]:
        return {message["content_type"] for message in (await self.do("received"))[queue].values()}


@asynccontextmanager
async def service_bus_peer(*queues: str) -> AsyncIterator[ServiceBusPeer]:
    """Raises NpmMissing."""
    await asyncio.to_thread(_install)
    process = await asyncio.create_subprocess_exec(
        "node", str(_INSTALLED / "broker.js"), *queues, stdin=PIPE, stdout=PIPE, limit=2**24
    )
    try:
        yield ServiceBusPeer(process, (await _answer(process))["port"])
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


async def _answer(process: Process) -> dict[str, Any]:
    assert process.stdout
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
    return answer


def _install() -> None:
    """Put the broker and the pinned rhea beside each other, outside the source tree."""
    if not shutil.which("npm") or not shutil.which("node"):
        raise NpmMissing("node and npm are not installed")
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    wanted = (_HERE / "package.json").read_text()
    manifest = _INSTALLED / "package.json"
    for part in ("broker.js", "dead_letters.js"):
        shutil.copy(_HERE / part, _INSTALLED)
    if manifest.exists() and manifest.read_text() == wanted and (_INSTALLED / "node_modules" / "rhea").exists():
        return
    manifest.write_text(wanted)
    try:
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=_INSTALLED, check=True, capture_output=True
        )
    except subprocess.CalledProcessError as error:
        raise NpmMissing("npm could not install rhea") from error
