"""Serves the app on a loopback port with uvicorn, and stops it without cutting open requests off."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from devhost.extension import Scope
from devhost.http import HttpApp

ADDRESS = "127.0.0.1"
_BACKLOG = 2048


class PortTaken(Exception):
    """Another process listens on the port."""


def bind(port: int) -> socket.socket:
    """Take the port before anything slow begins: early callers wait. Port 0 takes a free one. Raises PortTaken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise PortTaken(
            f"Port {port} is taken by another process: stop it, or choose another port with PORT=…"
        ) from error
    return listener


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the host stops it."""

    @classmethod
    def of(cls, app: HttpApp, grace_s: float) -> "Server":
        return cls(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                log_config=None,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=int(grace_s),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def warm_up(app: HttpApp) -> int:
    """Ask for /health/ready in process, so that the first caller does not pay for the start; return the status."""
    statuses: list[int] = []

    async def receive() -> Scope:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Scope) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/health/ready",
        "raw_path": b"/health/ready",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": (ADDRESS, 0),
        "server": (ADDRESS, 0),
    }
    await app(scope, receive, send)
    return statuses[0]
