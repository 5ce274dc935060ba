"""The ASGI app in front of the HTTP functions: routes as the host routes, refuses as the host refuses."""

from collections.abc import Mapping
from urllib.parse import unquote

from devhost.admin import Admin
from devhost.extension import Receive, Scope, Send
from devhost.relay import Relay
from devhost.routes import RouteTable
from devhost.worker import Function


class HttpApp:
    """One request to one function, or an empty 404. `/admin` belongs to the host, whatever the functions' routes say."""

    def __init__(self, routes: RouteTable, functions: Mapping[str, Function], relay: Relay, admin: Admin) -> None:
        self._routes, self._functions, self._relay, self._admin = routes, functions, relay, admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if b"%2" in scope["raw_path"]:
            path = _host_path(scope["raw_path"])
        if path[:7].lower() == "/admin/":
            await self._admin(scope, receive, send)
        elif match := self._routes.find(scope["method"], path):
            name, parameters = match
            await self._relay(self._functions[name], parameters, scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})


def _host_path(raw_path: bytes) -> str:
    """Decode the path as Kestrel does: an encoded slash stays encoded and does not divide segments."""
    text = raw_path.decode("ascii")
    return unquote(text.replace("%2F", "%252F").replace("%2f", "%252f"))
