"""Tollgate as its users meet it: `python -m devhost` in a process of its own, real sockets, real SDKs."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI

ROOT = Path(__file__).parents[2]
KEY = "sk-CANARY-demo-key-0123456789"
OTHER_KEY = "sk-CANARY-other-key-0123456789"
START_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Tollgate:
    """A running gateway with its data directory and everything it printed."""

    def __init__(self, directory: Path, config: Path, **environment: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "output.log"
        self._environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("TOLLGATE", "AZURE", "IDENTITY"))
            },
            "PORT": str(self.port),
            "TOLLGATE_DATA": str(directory / "data"),
            "TOLLGATE_CONFIG": str(config),
            "TOLLGATE_DEMO_KEY": KEY,
            "OTHER_KEY": OTHER_KEY,
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devhost"],
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log.read_text()
            with (
                contextlib.suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer,
            ):
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"not ready in time:\n{self.log.read_text()}")

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=30)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=10)

    def events(self) -> list[dict[str, Any]]:
        """The stored usage events."""
        path = self.directory / "data" / "documents.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as db:
            rows = db.execute(
                "SELECT body FROM documents WHERE container = 'ledger' AND json_extract(body, '$.kind') = 'event'"
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def event_of(self, request_id: str) -> dict[str, Any]:
        """The event of one call, once it has come through queue and function."""
        return self.wait_for_events(lambda events: [event for event in events if event["id"] == request_id])[0]

    def wait_for_events(self, wanted: Any) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if found := wanted(self.events()):
                return list(found)
            time.sleep(0.05)
        raise AssertionError(f"no such event among {self.events()}")


CONFIG = """
version: 1
deployments:
  - {name: azure, endpoint: "env:AZURE_OPENAI_ENDPOINT", deployment: "{model}", timeouts: {connect_s: 2, first_byte_s: 3, idle_s: 3}}
  - {name: dated, endpoint: "env:AZURE_OPENAI_ENDPOINT", deployment: "{model}", url_form: deployments, api_version: 2025-04-01-preview}
  - {name: broken, endpoint: "env:AZURE_OPENAI_ENDPOINT", deployment: gpt-4o--500}
  - {name: dead, endpoint: "http://127.0.0.1:9", deployment: gpt-4o}
routes:
  - {alias: gpt-4o, targets: [{deployment: azure}]}
  - {alias: gpt-5, targets: [{deployment: azure}]}
  - {alias: text-embedding-3-small, targets: [{deployment: azure}]}
  - {alias: dated-*, targets: [{deployment: dated}]}
  - {alias: with-fallback, targets: [{deployment: broken}, {deployment: good, priority: 2}]}
  - {alias: dead, targets: [{deployment: dead}]}
  - {alias: gpt-image-1, targets: [{deployment: dated}]}
  - {alias: dall-e-3, targets: [{deployment: dated}]}
  - {alias: whisper-1, targets: [{deployment: dated}]}
  - {alias: gpt-4o-transcribe, targets: [{deployment: dated}]}
  - {alias: gpt-4o-mini-tts, targets: [{deployment: dated}]}
  - {alias: "gpt-*", targets: [{deployment: azure}]}
  - {alias: "o*", targets: [{deployment: azure}]}
default_response_model: gpt-5
teams: [{id: demo, cost_center: "4711"}, {id: other}]
keys:
  - {id: vk_demo, owner: teams/demo, secret_ref: "env:TOLLGATE_DEMO_KEY"}
  - {id: vk_other, owner: teams/other, secret_ref: "env:OTHER_KEY"}
  - {id: vk_expired, owner: teams/demo, secret_ref: "env:EXPIRED_KEY", expires_at: 2020-01-01T00:00:00Z}
  - {id: vk_disabled, owner: teams/demo, secret_ref: "env:DISABLED_KEY", disabled: true}
circuit: {failures: 1000, error_rate: 1}
stream: {keep_alive_s: 0.3, drain_s: 5}
""".replace(
    "  - {name: dead,", '  - {name: good, endpoint: "env:AZURE_OPENAI_ENDPOINT", deployment: gpt-4o}\n  - {name: dead,'
)


@pytest.fixture(scope="session")
def tollgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tollgate]:
    directory = tmp_path_factory.mktemp("tollgate")
    config = directory / "gateway.yaml"
    config.write_text(CONFIG)
    running = Tollgate(directory, config, EXPIRED_KEY="sk-expired-key-01234", DISABLED_KEY="sk-disabled-key-01234")
    running.start()
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def openai(tollgate: Tollgate) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{tollgate.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def other_team(tollgate: Tollgate) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{tollgate.url}/v1", api_key=OTHER_KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def azure(tollgate: Tollgate) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(
        azure_endpoint=tollgate.url, api_key=KEY, api_version="2025-04-01-preview", max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def async_openai(tollgate: Tollgate) -> Any:
    async with AsyncOpenAI(base_url=f"{tollgate.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client
