"""/realtime: ephemeral secrets and the SDP answer; there is no media behind it."""

import secrets
from time import time

from devhost.simulator.catalog import Operation
from devhost.simulator.errors import bad_request, operation_not_supported
from devhost.simulator.exchange import Answer, Call, Json, ModelIn, Route, answer
from devhost.simulator.store import new_id

_LIFETIME_S = 600
_SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=simulator\r\nt=0 0\r\na=group:BUNDLE 0\r\n"


def routes() -> tuple[Route, ...]:
    return (
        Route("POST", "realtime/client_secrets", client_secret, ModelIn.SESSION),
        Route("POST", "realtime/calls", place_call, ModelIn.QUERY),
    )


async def client_secret(call: Call) -> Answer:
    _check(call)
    session: Json = {"id": new_id("sess_"), "object": "realtime.session", "type": "realtime"}
    session |= call.json.get("session") or {}
    expires = int(time()) + _LIFETIME_S
    return answer({"value": f"ek_{secrets.token_hex(16)}", "expires_at": expires, "session": session})


async def place_call(call: Call) -> Answer:
    _check(call)
    offer = call.form.fields.get("sdp", "").encode() or call.body
    if not offer.startswith(b"v=0"):
        raise bad_request("The body is not an SDP offer.", "sdp")
    location = f"/openai/v1/realtime/calls/{new_id('rtc_')}"
    return Answer(_SDP.encode(), 201, "application/sdp", {"location": location})


def _check(call: Call) -> None:
    if call.named is not None and Operation.REALTIME not in call.named.operations:
        raise operation_not_supported(Operation.REALTIME, call.named.model)
