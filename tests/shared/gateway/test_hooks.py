"""The provider's webhooks settle work that nobody has read."""

from collections.abc import AsyncGenerator
from pathlib import Path

import orjson
import pytest

from shared.gateway.hooks import MOST_BYTES, receive_openai_event
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.providers.port import ConnectionLost
from shared.wire.openai.webhooks import signature_of
from tests.shared.gateway.harness import Gateway, error_of, json_answer
from tests.shared.gateway.limited import gateway_with
from tests.shared.gateway.test_late import DOLLAR, DONE, QUEUED, TRUE_COST, late, make, spent

SECRET = "plain-secret"


def body(type: str = "response.completed", id: object = "resp_1") -> bytes:
    return orjson.dumps({"object": "event", "id": "evt_1", "type": type, "created_at": 1, "data": {"id": id}})


async def receive(
    gateway: Gateway, raw: bytes, *, secret: str = SECRET, method: str = "POST", ref: str | None = "env:HOOK"
) -> GatewayResponse:
    at = str(int(gateway.clock.now().timestamp()))
    headers = {
        "webhook-id": "wh_1",
        "webhook-timestamp": at,
        "webhook-signature": signature_of("wh_1", at, raw, secret),
    }

    async def pieces() -> AsyncGenerator[bytes]:
        yield raw

    request = GatewayRequest(method, "/hooks/openai", "", headers, list(headers.items()), pieces)
    return await receive_openai_event(request, gateway.runtime, ref)


@pytest.fixture
async def waiting(tmp_path: Path) -> Gateway:
    """A gateway with one background response under way."""
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    await make(gateway, json_answer(QUEUED))
    await gateway.settled()
    gateway.upstream.rule = lambda _: json_answer(DONE)
    return gateway


async def test_the_end_of_a_response_is_settled_once_however_often_it_is_told(waiting: Gateway) -> None:
    for _ in range(3):
        assert (await receive(waiting, body())).status == 200
    await waiting.settled()

    assert spent(waiting) == TRUE_COST
    assert len(late(waiting)) == 1


async def test_it_is_asked_for_under_the_gateways_own_identity(waiting: Gateway) -> None:
    await receive(waiting, body())

    request = waiting.upstream.sent[-1]
    assert (request.method, request.url) == ("GET", "https://east.example/openai/v1/responses/resp_1")
    assert dict(request.headers)["authorization"] == "Bearer token-1"


async def test_a_refused_credential_is_renewed_once(waiting: Gateway) -> None:
    waiting.upstream.answers = [json_answer({}, 401), json_answer(DONE)]

    assert (await receive(waiting, body())).status == 200

    assert dict(waiting.upstream.sent[-1].headers)["authorization"] == "Bearer token-2"
    assert len(late(waiting)) == 1


async def test_an_owner_who_reads_it_afterwards_changes_nothing(waiting: Gateway) -> None:
    await receive(waiting, body())
    await waiting.call("GET", "/v1/responses/resp_1")
    await waiting.settled()

    assert (spent(waiting), len(late(waiting))) == (TRUE_COST, 1)


async def test_an_event_says_nothing_but_the_id(waiting: Gateway) -> None:
    """Its word is not taken for what was used: the upstream is asked, and says that it goes on."""
    waiting.upstream.rule = lambda _: json_answer(QUEUED)
    told = orjson.dumps({"type": "response.completed", "data": DONE})

    assert (await receive(waiting, told)).status == 200

    assert late(waiting) == []


@pytest.mark.parametrize(
    "raw",
    [body("response.created"), body(id="resp_of_somebody"), body(id=7), body(id=""), body(id="x" * 300), b"[]", b"{", b'{"data":[]}'],
)  # fmt: skip
async def test_what_concerns_nobody_is_taken_and_forgotten(waiting: Gateway, raw: bytes) -> None:
    sent = len(waiting.upstream.sent)

    assert (await receive(waiting, raw)).status == 200

    assert (len(waiting.upstream.sent), late(waiting)) == (sent, [])


async def test_nobody_else_can_make_the_gateway_ask(waiting: Gateway) -> None:
    sent = len(waiting.upstream.sent)

    refused = await receive(waiting, body(), secret="another")

    assert (refused.status, error_of(refused)["code"]) == (401, "invalid_signature")
    assert len(waiting.upstream.sent) == sent


async def test_too_much_is_refused_before_it_is_checked(waiting: Gateway) -> None:
    assert (await receive(waiting, b"x" * (MOST_BYTES + 1))).status == 413


async def test_without_a_secret_there_is_no_webhook(waiting: Gateway) -> None:
    assert (await receive(waiting, body(), ref=None)).status == 404
    assert (await receive(waiting, body(), method="GET")).status == 405


async def test_what_cannot_be_settled_now_is_asked_to_be_told_again(waiting: Gateway) -> None:
    waiting.upstream.rule = lambda _: ConnectionLost()
    assert (await receive(waiting, body())).status == 503
    waiting.upstream.rule = lambda _: json_answer({}, 500)
    assert (await receive(waiting, body())).status == 503
    waiting.upstream.rule = lambda _: json_answer(DONE)
    waiting.documents.is_down = True
    assert (await receive(waiting, body())).status == 503
    waiting.documents.is_down = False

    assert (await receive(waiting, body())).status == 200
    assert spent(waiting) == TRUE_COST
