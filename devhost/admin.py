"""POST /admin/functions/{name}: fires a function that HTTP does not trigger by hand, as the host's own API does."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from devhost import encodings
from devhost.encodings import Input
from devhost.extension import Receive, Scope, Send
from devhost.listeners import Run
from devhost.rpc import TypedData
from devhost.worker import Function
from shared.clock import Clock
from shared.queues import Message

_LOOPBACK = ("127.0.0.1", "::1")
_PREFIX = "/admin/functions/"

_log = logging.getLogger("devhost.admin")


class Admin:
    """Answers 202 before the function runs; how it went is in the log."""

    def __init__(self, functions: Mapping[str, Function], run: Run, clock: Clock) -> None:
        self._functions, self._run, self._clock = functions, run, clock
        self._running: set[asyncio.Future[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = await self._status(scope, receive)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def finish(self) -> None:
        """Return when the functions that were fired have ended."""
        await asyncio.gather(*self._running)

    async def _status(self, scope: Scope, receive: Receive) -> int:
        function = self._functions.get(scope["path"].removeprefix(_PREFIX))
        is_known = scope["path"].startswith(_PREFIX) and function and function.trigger_type != "httpTrigger"
        if scope["client"][0] not in _LOOPBACK or scope["method"] != "POST" or not is_known or function is None:
            return 404
        if not dict(scope["headers"]).get(b"content-type", b"").lower().startswith(b"application/json"):
            return 415  # as the host; and a web page cannot send this type here without being asked
        try:
            given = json.loads(await _body(receive))["input"]
        except (ValueError, KeyError, TypeError):
            return 400
        _log.info("%s is fired by hand", function.name)
        running = asyncio.ensure_future(self._run(function, self._encode(function, given)))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return 202

    def _encode(self, function: Function, given: object) -> Input:
        text = given if isinstance(given, str) else json.dumps(given)
        message = Message(uuid4().hex, text.encode(), 1, 1, self._clock.now(), str(uuid4()))
        match function.trigger_type:
            case "timerTrigger":
                return encodings.timer(None, is_past_due=False)
            case "serviceBusTrigger" if function.takes_batches:
                return encodings.service_bus_batch([message])
            case "serviceBusTrigger":
                return encodings.service_bus(message)
            case "queueTrigger":
                return encodings.storage_queue(message)
            case _:
                return Input(TypedData(json=text), {})


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
