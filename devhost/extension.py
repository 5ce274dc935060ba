"""Takes the streaming extension's web app out of its server, so that requests reach it without a second socket."""

import importlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from azure_functions_runtime import handle_event

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class WebApps:
    """Collects the apps that the runtime would have served: one where the function app has streaming functions, else none."""

    def __init__(self) -> None:
        self.captured: list[Any] = []

    def server_class(self, _host: str, _port: int, app: Any) -> "Unserved":
        """Stand in for the extension's WebServer."""
        self.captured.append(app.get_app())
        return Unserved()


class Unserved:
    async def serve(self) -> None:
        """Listen on nothing."""


@contextmanager
def web_apps() -> Iterator[WebApps]:
    """While the runtime initialises, have its web server built by us.

    The extension is looked up only when the runtime asks for it: importing it here would switch every app to streaming.
    """
    apps, start = WebApps(), handle_event.initialize_http_server

    def initialize(address: str) -> Any:
        tracker = importlib.import_module("azurefunctions.extensions.base").ModuleTrackerMeta
        module: Any = importlib.import_module(tracker.get_module())
        server = module.WebServer
        module.WebServer = apps.server_class
        try:
            return start(address)
        finally:
            module.WebServer = server

    handle_event.initialize_http_server = initialize
    try:
        yield apps
    finally:
        handle_event.initialize_http_server = start
