"""POST /hooks/openai: the provider tells that work has ended, and it is settled at once."""

import logging

from shared.documents import StoreUnavailable
from shared.errors import BodyTooLarge, GatewayError, MethodNotAllowed, NotFound, Unavailable
from shared.gateway.body import BodyTimeout
from shared.gateway.late import Found, look
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.gateway.watch import parse_tolerantly
from shared.gateway.whole import whole_body
from shared.providers.port import SecretUnavailable
from shared.runtime import Runtime
from shared.wire.openai.errors import error_body, error_headers
from shared.wire.openai.webhooks import is_genuine

MOST_BYTES = 64 * 1024
READ_S = 10.0
EVENTS = frozenset(
    {f"response.{end}" for end in ("completed", "failed", "incomplete", "cancelled")}
    | {f"batch.{end}" for end in ("completed", "failed", "expired", "cancelled")}
)
_LONGEST_ID = 200
_log = logging.getLogger("tollgate.hooks")


class SignatureRefused(GatewayError):
    """The same for a wrong signature, an old one and none at all."""

    status, code, type = 401, "invalid_signature", "invalid_request_error"
    retryable = False

    def __init__(self) -> None:
        super().__init__("The signature of this message is missing, wrong or too old.")


async def receive_openai_event(request: GatewayRequest, runtime: Runtime, secret_ref: str | None) -> GatewayResponse:
    """Check the signature, look at the object that the event names, and settle it.

    Nothing in the event is believed but the id: what was used is asked of the upstream. An event that comes again finds nothing left
    to settle. An answer of 503 makes the sender try again; should he give up, the sweep finds the object.
    """
    try:
        if secret_ref is None:
            raise NotFound("This gateway takes no webhooks.", code="unknown_url")
        if request.method != "POST":
            raise MethodNotAllowed("Webhooks are sent with POST.", headers={"allow": "POST"})
        too_large = BodyTooLarge(f"The message is larger than {MOST_BYTES // 1024} KiB.")
        body = await whole_body(request, MOST_BYTES, READ_S, too_large=too_large, too_slow=BodyTimeout())
        secret = (await runtime.secrets.resolve(secret_ref)).reveal()
        if not is_genuine(request.headers, body, secret, runtime.clock.now()):
            raise SignatureRefused
        await _settle(body, runtime)
    except SecretUnavailable:
        _log.error("The secret of the webhook does not resolve")
        return _refusal(Unavailable("The webhook is not configured. Tell your platform team.", code="not_configured"))
    except StoreUnavailable:
        return _refusal(Unavailable("The event cannot be handled right now. Try again."))
    except GatewayError as error:
        return _refusal(error)
    return GatewayResponse(200, [("content-type", "application/json")], b'{"received":true}')


async def _settle(body: bytes, runtime: Runtime) -> None:
    event = parse_tolerantly(body) or {}
    content, identity = event.get("data"), None
    if isinstance(content, dict):
        identity = content.get("id")
    if event.get("type") not in EVENTS or not isinstance(identity, str) or not 0 < len(identity) <= _LONGEST_ID:
        return
    found = await look(runtime, identity)
    if found is Found.UNREACHABLE:
        raise Unavailable("The object cannot be read right now. Try again.")
    _log.info("A webhook told of the end of work: %s", found.value)


def _refusal(error: GatewayError) -> GatewayResponse:
    return GatewayResponse(error.status, error_headers(error), error_body(error))
