"""The console: pages for operators, rendered on the server, over the operations of the management API."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from shared.audit.model import Actor
from shared.callers.model import Caller
from shared.clock import Clock
from shared.console.attempts import Attempts
from shared.console.forms import check_origin, read_form
from shared.console.navigation import DONE, links_for
from shared.console.rendering import PREFIX, Renderer, static_files
from shared.console.responses import cookie, guards, moved, token_in
from shared.console.routing import ROOT, found, pairs_of
from shared.console.sign_ins import HOURS, NotForOperators, SignedIn, SignIns
from shared.console.visit import Moved, Outcome, Shown, Visit
from shared.directory.store import DirectoryStore
from shared.documents import StoreUnavailable
from shared.errors import GatewayError
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.ids import new_id
from shared.management.api import ManagementApi
from shared.management.problems import Forbidden, Problem, Unreachable, WrongMethod

SIGN_IN, SIGN_OUT = "/console/sign-in", "/console/sign-out"
MOST_KEY = 20_000

_log = logging.getLogger("tollgate.console")

type AddressOf = Callable[[Mapping[str, str], str], str]
type CountedAnewFor = Callable[[], Awaitable[str | None]]
"""Returns the time zone that the ledger is being counted anew for; None where it is not. Raises StoreUnavailable."""


class Console:
    """Answers every request below /console; nothing that can be foreseen is raised."""

    def __init__(
        self,
        api: ManagementApi,
        sign_ins: SignIns,
        directory: DirectoryStore,
        clock: Clock,
        address_of: AddressOf,
        time_zone: str = "UTC",
        counted_anew_for: CountedAnewFor | None = None,
    ) -> None:
        self._api, self._sign_ins, self._directory, self._clock = api, sign_ins, directory, clock
        self._address_of, self._time_zone, self._counted_anew_for = address_of, time_zone, counted_anew_for
        self._attempts = Attempts(clock)
        self._files = static_files()
        self._renderer = Renderer(self._files)

    async def handle(self, request: GatewayRequest) -> GatewayResponse:
        name = request.path.removeprefix(PREFIX)
        if name in self._files and request.method in ("GET", "HEAD"):
            file = self._files[name]
            kept = [("cache-control", "public, max-age=31536000, immutable"), ("x-content-type-options", "nosniff")]
            return GatewayResponse(200, [("content-type", file.content_type), *kept], file.content)
        signed_in: SignedIn | None = None
        try:
            signed_in = await self._signed_in(request)
            return await self._answer(request, signed_in)
        except (Problem, GatewayError) as error:
            return await self._refusal(error, signed_in)
        except StoreUnavailable:
            return await self._refusal(Unreachable(), signed_in)

    async def _answer(self, request: GatewayRequest, signed_in: SignedIn | None) -> GatewayResponse:
        if request.path == SIGN_IN:
            return await self._sign_in(request, signed_in)
        if signed_in is None:
            return await self._html(
                401 if request.method == "POST" else 200, Shown("sign_in.html", {"mistake": None}), None
            )
        form = await self._form(request, signed_in)
        if request.path == SIGN_OUT:
            if request.method != "POST":
                raise WrongMethod("Sign out with the button.", headers={"allow": "POST"})
            await self._sign_ins.sign_out(signed_in.token)
            await self._note("console.sign_out", signed_in.caller)
            return moved(SIGN_IN, [("set-cookie", cookie(request, "", 0))])
        page, path = found(request)
        query = pairs_of(request.query)
        visit = Visit(self._api, signed_in.caller, request.address, path, query, form, self._time_zone)
        return await self._told(await page.view(visit), signed_in, query)

    async def _form(self, request: GatewayRequest, signed_in: SignedIn) -> Mapping[str, str]:
        """Return what was sent, if one of our own pages sent it. Raises Forbidden."""
        if request.method in ("GET", "HEAD"):
            return {}
        check_origin(request)
        form = dict(await read_form(request))
        if not self._sign_ins.is_form_token(signed_in.token, form.pop("form_token", "")):
            raise Forbidden("This page is too old: go back, load it again, and send the form once more.")
        return form

    async def _sign_in(self, request: GatewayRequest, signed_in: SignedIn | None) -> GatewayResponse:
        if request.method in ("GET", "HEAD"):
            return moved(ROOT) if signed_in else await self._html(200, Shown("sign_in.html", {"mistake": None}), None)
        check_origin(request)
        key = (await read_form(request)).get("key", "").strip()
        address = self._address_of(request.headers, request.address)
        self._attempts.begin(address)
        try:
            if not key or len(key) > MOST_KEY or not key.isascii() or not key.isprintable():
                raise NotForOperators
            made = await self._sign_ins.sign_in(key, dict(request.headers), request.address)
        except NotForOperators:
            _log.warning("A sign-in from %s was refused: not for operators", address)
            return await self._mistake(
                "This key may not see the console: it takes one of a team admin, an auditor or an admin."
            )
        except GatewayError as error:
            if error.status >= 500:
                raise
            _log.warning("A sign-in from %s was refused: %s", address, error.code)
            return await self._mistake(
                "This key is not accepted. Check that it is whole, enabled, and may be used from here."
            )
        self._attempts.forgiven(address)
        if (older := token_in(request)) is not None:
            await self._sign_ins.sign_out(older)
        await self._note("console.sign_in", made.caller)
        return moved(ROOT, [("set-cookie", cookie(request, made.token, HOURS * 3600))])

    async def _signed_in(self, request: GatewayRequest) -> SignedIn | None:
        token = token_in(request)
        if token is None:
            return None
        return await self._sign_ins.find(token, self._address_of(request.headers, request.address))

    async def _told(self, outcome: Outcome, signed_in: SignedIn, query: Mapping[str, str]) -> GatewayResponse:
        if isinstance(outcome, Moved):
            return moved(outcome.address)
        if isinstance(outcome, Shown):
            return await self._html(200, outcome, signed_in, DONE.get(query.get("done", "")))
        return outcome

    async def _mistake(self, text: str) -> GatewayResponse:
        return await self._html(403, Shown("sign_in.html", {"mistake": text}), None)

    async def _refusal(self, error: Problem | GatewayError, signed_in: SignedIn | None) -> GatewayResponse:
        detail, errors = (error.message, ()) if isinstance(error, GatewayError) else (error.detail, error.errors)
        values = {"status": error.status, "detail": detail, "errors": errors}
        response = await self._html(error.status, Shown("refused.html", values), signed_in)
        return GatewayResponse(response.status, [*response.headers, *error.headers.items()], response.body)

    async def _html(
        self, status: int, shown: Shown, signed_in: SignedIn | None, done: str | None = None
    ) -> GatewayResponse:
        frame: dict[str, Any] = {"anew": None, "visitor": None, "links": (), "form_token": "", "changes": False}
        if signed_in is not None:
            caller = signed_in.caller
            frame |= {
                "anew": await self._anew(),
                "visitor": caller,
                "links": links_for(caller.role),
                "form_token": self._sign_ins.form_token(signed_in.token),
                "changes": caller.role == "platform_admin",
            }
        now = self._clock.now().isoformat(timespec="seconds")
        told = {"done": done, "refresh_s": shown.refresh_s, "time_zone": self._time_zone, "now": now}
        values = {**frame, **told, **shown.values}
        body = self._renderer.render(shown.template, values, self._time_zone)
        return GatewayResponse(status, [("content-type", "text/html; charset=utf-8"), *guards()], body)

    async def _anew(self) -> str | None:
        """Without the store there are no figures to warn of."""
        try:
            return await self._counted_anew_for() if self._counted_anew_for else None
        except StoreUnavailable:
            return None

    async def _note(self, action: str, caller: Caller) -> None:
        request_id = new_id("req", self._clock.now())
        await self._directory.note(Actor(caller.id, caller.kind), action, f"sign-ins/{caller.id}", request_id)
