"""Asks by HTTP without ever following a redirect, which would take the key along to wherever it leads."""

import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import IO, Any

from pipelines.steps.commands import CommandFailed

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """None has the redirect raised as the HTTPError that it is."""


def may_be_asked(url: str) -> bool:
    address = urllib.parse.urlsplit(url)
    return address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)


def ask(request: urllib.request.Request, timeout_s: float) -> Any:
    """The open answer, an http.client.HTTPResponse. Raises HTTPError for any other than 2xx, CommandFailed for an address without TLS."""
    if not may_be_asked(request.full_url):
        raise CommandFailed(f"{request.full_url} is not asked: it is not https")
    return urllib.request.build_opener(_Stay).open(request, timeout=timeout_s)
