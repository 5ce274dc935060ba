import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipelines.steps.asking import ask, may_be_asked
from pipelines.steps.commands import CommandFailed


class Elsewhere(BaseHTTPRequestHandler):
    """Sends whoever asks to /elsewhere, and notes the keys that come there."""

    keys: list[str | None]

    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.keys.append(self.headers["authorization"])
        self.send_response(302)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Elsewhere.keys = []
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_a_key_is_not_taken_along_to_where_a_redirect_leads(address: str) -> None:
    request = urllib.request.Request(address, headers={"authorization": "Bearer sk-CANARY"})

    with pytest.raises(urllib.error.HTTPError, match="302"):
        ask(request, 5.0)
    assert Elsewhere.keys == []


@pytest.mark.parametrize("url", ["http://gateway.example", "file:///etc/passwd", "ftp://x", "http://127.0.0.1.example"])
def test_nobody_is_asked_without_tls(url: str) -> None:
    assert not may_be_asked(url)
    with pytest.raises(CommandFailed, match="not https"):
        ask(urllib.request.Request(url), 5.0)
