"""The real management API on a loopback address, in a thread of its own."""

import asyncio
from collections.abc import AsyncGenerator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

from shared.gateway.message import GatewayRequest
from tests.shared.management.office import Office, reply


class Served:
    """Hands every request to an office; its coroutines all run on one loop, as they do in the gateway."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._loop = asyncio.new_event_loop()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._threads = [
            Thread(target=self._loop.run_forever),
            Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}),
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        self._loop.close()

    def serve(self, method: str, target: str, headers: list[tuple[str, str]], raw: bytes) -> tuple[int, bytes]:
        async def body() -> AsyncGenerator[bytes]:
            yield raw

        path, _, query = target.partition("?")
        request = GatewayRequest(method, path, query, dict(headers), headers, body)
        answer = asyncio.run_coroutine_threadsafe(self._office.api.handle(request), self._loop).result(timeout=30)
        replied = reply(answer)
        return replied.status, replied.raw


def _handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = [(name.lower(), value) for name, value in self.headers.items()]
            status, answer = served.serve(self.command, self.path, headers, raw)
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Tests stay silent."""

    return Handler
