"""Small function apps in processes of their own: the runtime keeps one app per process."""

import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
KEY = "sk-CANARYdemokey0123456789"
_RUN = "import sys, pathlib; from devhost.__main__ import main; sys.exit(main(pathlib.Path(sys.argv[1])))"
_IMPORTS = """
import asyncio, contextvars, json, pathlib, typing
import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response, StreamingResponse
from fastapi import HTTPException
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
HERE = pathlib.Path(__file__).parent
"""


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """The host sets the logging of its whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("azure", "httpx", "uvicorn")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, previous in levels.items():
        logging.getLogger(name).setLevel(previous)


class SampleApp:
    """A function app in a directory, and the processes that run it."""

    def __init__(self, directory: Path, source: str, host_json: str = '{"extensions": {"http": {"routePrefix": ""}}}'):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.data = directory, directory / "data"
        self.config = directory / "gateway.yaml"
        self.config.write_text("routes: [{alias: small-model}]\nkeys: [{secret_ref: env:TOLLGATE_DEMO_KEY}]\n")
        (directory / "function_app.py").write_text(_IMPORTS + textwrap.dedent(source))
        (directory / "host.json").write_text(host_json)
        self.output = directory / "output.log"

    def spawn(self, **environment: str) -> subprocess.Popen[bytes]:
        known = {
            name: value for name, value in os.environ.items() if not name.startswith(("TOLLGATE", "AZURE", "DEVHOST"))
        }
        own = {
            "PORT": "0",
            "PYTHONHASHSEED": "0",
            "TOLLGATE_CONFIG": str(self.config),
            "TOLLGATE_DATA": str(self.data),
            "TOLLGATE_DEMO_KEY": KEY,
            "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
        }
        with self.output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _RUN, str(self.directory)],
                cwd=ROOT,
                env=known | own | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def run_to_end(self, **environment: str) -> tuple[int, str]:
        """Return the exit code and what was printed by a start that ends by itself."""
        return self.spawn(**environment).wait(timeout=60), self.output.read_text()


class Serving:
    """A running sample app. `stop` sends the signal and returns the exit code and everything printed."""

    def __init__(self, app: SampleApp, **environment: str) -> None:
        self.app, self.process = app, app.spawn(**environment)
        wait_for(lambda: "Tollgate is ready" in self.printed() or self.process.poll() is not None)
        found = re.search(r"ready at (http://\S+)", self.printed())
        assert found, self.printed()
        self.url = found[1]
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def printed(self) -> str:
        return self.app.output.read_text()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=30), self.printed()


def wait_for(condition: Callable[[], object], tries: int = 1500) -> None:
    """Return as soon as another process has made the condition true."""
    for _ in range(tries):
        if condition():
            return
        subprocess.run(["sleep", "0.02"], check=True)
    raise AssertionError("it did not happen")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    """Start sample apps that are stopped after the test."""
    started: list[Serving] = []

    def start(source: str, **environment: str) -> Serving:
        started.append(Serving(SampleApp(tmp_path / f"app{len(started)}", source), **environment))
        return started[-1]

    yield start
    for serving in started:
        serving.stop()
