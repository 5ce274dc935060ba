"""The simulator as a server on the caller's event loop."""

import secrets
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from aiohttp import web

from devhost.simulator.auth import TokenIssuer
from devhost.simulator.delivery import Pauses
from devhost.simulator.door import Door
from devhost.simulator.exchange import Answer, answer
from devhost.simulator.faults import EVERY_DEPLOYMENT, FaultPlan
from devhost.simulator.identity import IdentityEndpoint
from devhost.simulator.language_model import LanguageModel
from devhost.simulator.recording import Observations, RecordedRequest
from devhost.simulator.resources import all_routes
from devhost.simulator.resources.images import PICTURE
from devhost.simulator.routing import RouteTable
from devhost.simulator.tokens import Tokenizer

_LARGEST_BODY = 512 * 1024 * 1024
_COGNITIVE_SERVICES = "https://cognitiveservices.azure.com"

__all__ = ["RecordedRequest", "Simulator"]


class Simulator:
    """`async with Simulator() as sim` serves until the block ends; `port` 0 takes a free one."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, records: bool = True, token_lifetime_s: int = 86_400
    ) -> None:
        self._host = host
        self._port = port
        self._tokens = TokenIssuer(token_lifetime_s)
        self._plan = FaultPlan()
        self._observations = Observations(records)
        self._runner: web.AppRunner | None = None
        self._pauses: Pauses | None = None
        self.tokenizer = Tokenizer()
        self.identity_header = secrets.token_hex(16)
        self.endpoint = ""

    @property
    def identity_endpoint(self) -> str:
        return f"{self.endpoint}/msi/token"

    @property
    def requests(self) -> list[RecordedRequest]:
        """The latest data-plane requests, oldest first; clear it at will."""
        return self._observations.requests

    @property
    def leaked_credentials(self) -> int:
        """How many requests carried something that looks like a gateway's own key."""
        return self._observations.leaked_credentials

    @property
    def abandoned(self) -> int:
        """How many answers the client left before their end."""
        return self._observations.abandoned

    @property
    def minted_tokens(self) -> int:
        return self._tokens.minted

    def mint_token(self, resource: str = _COGNITIVE_SERVICES) -> str:
        """Return a token as the managed identity endpoint would."""
        return self._tokens.mint(resource)[0]

    def revoke_tokens(self) -> None:
        """Refuse all tokens minted so far."""
        self._tokens.revoke_all()

    def fail(self, deployment: str, fault: str, times: int | None = None) -> None:
        """Let the next `times` calls, or all, of a deployment fail; `*` is every call, with a deployment or without."""
        self._plan.order(deployment, fault, times)

    def recover(self) -> None:
        """Forget every fault that fail() and fault keys have set up."""
        self._plan.cancel()

    async def start(self) -> None:
        """Bind and serve. Raises OSError when the port is taken."""
        self._pauses = Pauses()
        table = RouteTable(all_routes(LanguageModel(self.tokenizer)))
        door = Door(table, self._tokens, self._plan, self._observations, self._pauses)
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes(self._control_routes())
        app.router.add_route("*", "/{path:.*}", door.handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=1024).start()
        self.endpoint = f"http://{self._host}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop serving; whatever hangs is let go."""
        if self._pauses is not None and self._runner is not None:
            self._pauses.close()
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _control_routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get("/msi/token", self._token),
            web.post("/_simulator/revoke", self._revoke),
            web.post("/_simulator/fail", self._fail),
            web.get("/_simulator/state", self._state),
            web.get("/_simulator/picture.png", self._picture),
        )

    async def _token(self, request: web.Request) -> web.Response:
        endpoint = IdentityEndpoint(self._tokens, self.identity_header)
        return _response(endpoint.token(request.query, request.headers.get("x-identity-header")))

    async def _revoke(self, _: web.Request) -> web.Response:
        self.revoke_tokens()
        return web.Response(status=204)

    async def _fail(self, request: web.Request) -> web.Response:
        """`?deployment=…&fault=…&times=…`, so that another process can order a fault too."""
        query = request.query
        times = int(query["times"]) if query.get("times", "").isdecimal() else None
        try:
            self.fail(query.get("deployment", EVERY_DEPLOYMENT), query.get("fault", ""), times)
        except ValueError as error:
            return web.Response(status=400, text=f"no such fault: {error}")
        return web.Response(status=204)

    async def _state(self, _: web.Request) -> web.Response:
        state = {
            "leaked_credentials": self.leaked_credentials,
            "minted_tokens": self.minted_tokens,
            "abandoned": self.abandoned,
        }
        return _response(answer(state))

    async def _picture(self, _: web.Request) -> web.Response:
        return web.Response(body=PICTURE, content_type="image/png")


def _response(whole: Answer) -> web.Response:
    return web.Response(body=whole.body, status=whole.status, content_type=whole.content_type)
