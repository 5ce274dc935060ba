"""A stand-in for the management API that answers what it was told, and remembers what it was asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Told:
    status: int
    raw: bytes
    headers: Mapping[str, str]


class Stub:
    """Answers each address with what it was told last, or with one answer after the other where there are several."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._told: dict[str, list[Told]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def tell(self, call: str, body: object = None, status: int = 200, **headers: str) -> None:
        """Answer `GET keys` and the like; `headers` are written with underscores."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self._told.setdefault(call, []).append(Told(status, raw, sent))

    def problem(self, call: str, status: int, detail: str, *fields: tuple[str, str], **headers: str) -> None:
        errors = [{"field": field, "message": message} for field, message in fields]
        self.tell(call, {"title": "x", "status": status, "detail": detail, "errors": errors}, status, **headers)

    def answer(self, asked: Asked) -> Told:
        self.asked.append(asked)
        told = self._told.get(f"{asked.method} {asked.path.removeprefix('/api/v1/')}")
        if told is None:
            return Told(404, b'{"detail": "The stub was told nothing of this."}', {})
        return told.pop(0) if len(told) > 1 else told[0]

    @property
    def last(self) -> Asked:
        return self.asked[-1]


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = stub.answer(Asked(self.command, self.path, headers, json.loads(raw) if raw else None))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(told.raw)))
            self.end_headers()
            self.wfile.write(told.raw)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Tests stay silent."""

    return Handler
