"""Who is measured: how each is started in front of the mock upstream, and how it is asked."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.load import canned, peer
from tests.load.mock_upstream import IDENTITY_HEADER, IDENTITY_PATH
from tests.load.processes import HOST, PROJECT, Started, clean_environment, free_port, scratch, started

DEMO_KEY = "sk-bench0000000000000000000000000000000000000000000000"
CHAT_PATH = "/v1/chat/completions"


class Unavailable(Exception):
    """The contender is not installed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where and with what credentials the chat route is called."""

    port: int
    key: str | None = None

    def ask(self, *, stream: bool = False, pace_ms: int = 0, text: str = "") -> bytes:
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        return canned.ask(f"{HOST}:{self.port}", CHAT_PATH, headers, stream=stream, pace_ms=pace_ms, text=text)


@dataclass(frozen=True, slots=True)
class Running:
    address: Address
    process: Started
    directory: Path


class Contender(Protocol):
    """`rate` and `stream_rate` are what it is asked for in a steady phase: less where it would saturate."""

    name: str
    rate: float
    stream_rate: float

    def check(self) -> None:
        """Raises Unavailable."""

    def start(self, upstream_port: int) -> contextlib.AbstractContextManager[Running]:
        """Run it for the duration of the block."""


class Tollgate:
    name = "Tollgate"
    rate = 100.0
    stream_rate = 20.0

    def check(self) -> None:
        """Always at hand."""

    @contextlib.contextmanager
    def start(self, upstream_port: int) -> Iterator[Running]:
        with scratch() as directory:
            port = free_port()
            upstream = f"http://{HOST}:{upstream_port}"
            env = clean_environment(
                directory,
                PORT=str(port),
                TOLLGATE_DATA=str(directory / "data"),
                TOLLGATE_CONFIG=str(PROJECT / "tests" / "load" / "gateway.yaml"),
                TOLLGATE_DEMO_KEY=DEMO_KEY,
                TOLLGATE_ACCESS_LOG="0",
                AZURE_OPENAI_ENDPOINT=upstream,
                IDENTITY_ENDPOINT=upstream + IDENTITY_PATH,
                IDENTITY_HEADER=IDENTITY_HEADER,
            )
            command = [sys.executable, "-m", "devhost"]
            with started(self.name, command, directory / "tollgate.log", env) as process:
                yield Running(Address(port, DEMO_KEY), process, directory)


_NGINX = """
daemon off;
master_process on;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr error;
{user}
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_max_body_size 64m;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  scgi_temp_path {directory}/scgi;
  uwsgi_temp_path {directory}/uwsgi;
  keepalive_requests 100000000;
  upstream mock {{ server {host}:{upstream_port}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen {host}:{port};
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Nginx:
    name = "nginx"
    rate = 100.0
    stream_rate = 20.0

    def _program(self) -> str | None:
        return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")

    def check(self) -> None:
        if self._program() is None:
            raise Unavailable("nginx is not installed; on Debian: apt-get install nginx-light")

    @contextlib.contextmanager
    def start(self, upstream_port: int) -> Iterator[Running]:
        with scratch() as directory:
            port = free_port()
            user = "user root;" if os.geteuid() == 0 else ""
            config = directory / "nginx.conf"
            config.write_text(
                _NGINX.format(directory=directory, host=HOST, port=port, upstream_port=upstream_port, user=user)
            )
            command = [self._program() or "nginx", "-e", "stderr", "-p", str(directory), "-c", str(config)]
            with started(self.name, command, directory / "nginx.log", clean_environment(directory)) as process:
                yield Running(Address(port), process, directory)


class LiteLLM:
    """The peer, asked for less: it saturates below a hundred requests a second."""

    name = f"LiteLLM {peer.VERSION}"
    rate = 10.0
    stream_rate = 4.0

    def check(self) -> None:
        try:
            peer.install()
        except peer.InstallFailed as error:
            raise Unavailable(f"LiteLLM {peer.VERSION} could not be installed: {error}") from error

    @contextlib.contextmanager
    def start(self, upstream_port: int) -> Iterator[Running]:
        with scratch() as directory:
            port = free_port()
            config = peer.write_config(directory, f"http://{HOST}:{upstream_port}/v1", canned.MODEL, DEMO_KEY)
            env = clean_environment(directory, **peer.ENVIRONMENT)
            command = peer.command(config, HOST, port)
            with started(self.name, command, directory / "litellm.log", env, cwd=directory) as process:
                yield Running(Address(port, DEMO_KEY), process, directory)
