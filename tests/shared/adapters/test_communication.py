"""Azure Communication Services is called as its reference says, with the gateway's identity."""

import json
from collections.abc import AsyncIterator

import pytest

from shared.adapters.communication import SCOPE, CommunicationMail
from shared.adapters.web_client import AiohttpWebClient
from shared.alerts.ports import Answer, Mail
from shared.providers.port import CredentialUnavailable
from tests.fakes import FakeClock
from tests.peers.webhooks import Receiver, receiving

OPERATION = "8540c0de-899f-5cce-acb5-3ec493af3800"
MAIL = Mail(OPERATION, "gateway@contoso.example", ("ada@contoso.example",), "A budget", "Text.", "<p>HTML")


class Tokens:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.refused: list[str] = []
        self.is_down = False

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        if self.is_down:
            raise CredentialUnavailable("ClientAuthenticationError")
        self.asked.append((scope, client_id))
        return "token-1"

    def cached(self, scope: str, client_id: str | None = None) -> str | None:
        return None

    def invalidate(self, refused: str, scope: str, client_id: str | None = None) -> None:
        self.refused.append(refused)

    async def close(self) -> None:
        pass


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        receiver.status = 202
        yield receiver


@pytest.fixture
async def web() -> AsyncIterator[AiohttpWebClient]:
    client = AiohttpWebClient(FakeClock())
    yield client
    await client.close()


async def test_a_mail_is_handed_over_with_an_id_that_a_repetition_keeps(
    receiver: Receiver, web: AiohttpWebClient
) -> None:
    tokens = Tokens()
    answer = await CommunicationMail(web, tokens).send(receiver.url, "client-1", MAIL, 5)

    (received,) = receiver.received
    assert answer == Answer(202)
    assert received.path == "/emails:send?api-version=2023-03-31"
    assert received.headers["authorization"] == "Bearer token-1"
    assert received.headers["operation-id"] == OPERATION
    assert json.loads(received.body) == {
        "senderAddress": "gateway@contoso.example",
        "recipients": {"to": [{"address": "ada@contoso.example"}]},
        "content": {"subject": "A budget", "plainText": "Text.", "html": "<p>HTML"},
        "userEngagementTrackingDisabled": True,
    }
    assert tokens.asked == [(SCOPE, "client-1")]


async def test_a_token_that_was_refused_is_replaced_before_the_next_try(
    receiver: Receiver, web: AiohttpWebClient
) -> None:
    receiver.status, tokens = 401, Tokens()

    answer = await CommunicationMail(web, tokens).send(receiver.url, None, MAIL, 5)

    assert answer.status == 503
    assert tokens.refused == ["token-1"]


async def test_without_a_token_nothing_is_sent(receiver: Receiver, web: AiohttpWebClient) -> None:
    tokens = Tokens()
    tokens.is_down = True

    with pytest.raises(CredentialUnavailable):
        await CommunicationMail(web, tokens).send(receiver.url, None, MAIL, 5)

    assert receiver.received == []
