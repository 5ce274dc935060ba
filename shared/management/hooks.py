"""Takes the webhooks of a forge: signed with a secret that both sides know, each delivery once."""

import orjson

from shared.clock import Clock
from shared.documents import StoreUnavailable
from shared.errors import GatewayError
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.gateway.whole import whole_body
from shared.ids import new_id
from shared.management.problems import Absent, Malformed, NotJson, Problem, TooLarge, TooSlow, Unreachable, problem_of
from shared.providers.port import SecretSource, SecretUnavailable
from shared.sessions.pull_requests import DeliveryInvalid, PullRequests, is_signed

MOST_BYTES, READ_S = 2**20, 10.0
"""GitHub sends 25 MB at most, and waits ten seconds for an answer; what it sends of a pull request is a twentieth of this."""

LONGEST_DELIVERY = 100


class NotSigned(Problem):
    """401: the body is not signed with the secret. Nothing more is said to who does not know it."""

    status, code = 401, "invalid_signature"

    def __init__(self) -> None:
        super().__init__("The signature X-Hub-Signature-256 is missing or is not that of the body.")


async def receive_github_event(
    request: GatewayRequest, pull_requests: PullRequests, secrets: SecretSource, secret_ref: str | None, clock: Clock
) -> GatewayResponse:
    """Answer one delivery of GitHub, whatever becomes of it."""
    request_id = new_id("req", clock.now())
    try:
        return await github(request, pull_requests, secrets, secret_ref)
    except (Problem, GatewayError) as error:
        return problem_of(error, request_id)
    except (SecretUnavailable, StoreUnavailable):
        return problem_of(Unreachable(), request_id)


async def github(
    request: GatewayRequest, pull_requests: PullRequests, secrets: SecretSource, secret_ref: str | None
) -> GatewayResponse:
    """Answer one delivery of GitHub. Raises Problem, and StoreUnavailable: then it can be sent again."""
    if secret_ref is None:
        raise Absent("No webhook is configured.")
    too_large = TooLarge(f"A delivery may have {MOST_BYTES} bytes at most.")
    too_slow = TooSlow("The delivery did not arrive in time.")
    body = await whole_body(request, MOST_BYTES, READ_S, too_large=too_large, too_slow=too_slow)
    secret = await secrets.resolve(secret_ref)
    if not is_signed(body, request.headers.get("x-hub-signature-256", ""), secret.reveal().encode()):
        raise NotSigned
    if request.headers.get("x-github-event") != "pull_request":
        return _answer("ignored")
    delivery = request.headers.get("x-github-delivery", "")
    if not 0 < len(delivery) <= LONGEST_DELIVERY:
        raise Malformed("The header X-GitHub-Delivery is missing.")
    try:
        is_new = await pull_requests.accept(delivery, _event(request, body))
    except DeliveryInvalid as error:
        raise Malformed(f"Not taken: {error}.") from None
    return _answer("accepted" if is_new else "known")


def _event(request: GatewayRequest, body: bytes) -> dict[str, object]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise NotJson("Set the webhook's content type to application/json.")
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("The body is not valid JSON.") from None
    if not isinstance(event, dict):
        raise Malformed("The body must be a JSON object.")
    return event


def _answer(result: str) -> GatewayResponse:
    return GatewayResponse(200, [("content-type", "application/json")], orjson.dumps({"result": result}))
