from collections.abc import Mapping

import orjson
import pytest

from shared.alerts.ports import Answer, Unreachable
from shared.jobs.export_events import Row, SinkUnavailable
from shared.jobs.export_sinks import MOST_BYTES, SCOPE, EventHubsSink, WebhookSink, parts_of
from shared.providers.port import CredentialUnavailable, SecretUnavailable
from shared.redaction import Secret
from shared.wire.openai.webhooks import is_genuine
from tests.fakes import FakeClock

ROWS = [Row("a|2026-03", {"id": 1}), Row("b|2026-03", {"id": 2}), Row("a|2026-03", {"id": 3})]


class Client:
    def __init__(self, status: int = 201) -> None:
        self.status: int | Unreachable = status
        self.sent: list[tuple[str, Mapping[str, str], bytes]] = []

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        self.sent.append((url, headers, body))
        if isinstance(self.status, Unreachable):
            raise self.status
        return Answer(self.status)

    async def close(self) -> None:
        pass


class Tokens:
    def __init__(self) -> None:
        self.refused: list[str] = []
        self.is_broken = False

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        assert scope == SCOPE
        if self.is_broken:
            raise CredentialUnavailable("no identity")
        return "token"

    def invalidate(self, refused: str, scope: str, client_id: str | None = None) -> None:
        self.refused.append(refused)


class Secrets:
    def __init__(self, value: str | None = "key") -> None:
        self.value = value

    async def resolve(self, ref: str) -> Secret:
        if self.value is None:
            raise SecretUnavailable(ref, "not there")
        return Secret(self.value)

    def invalidate(self, ref: str) -> None:
        pass

    async def close(self) -> None:
        pass


def hub(client: Client, tokens: Tokens) -> EventHubsSink:
    return EventHubsSink(client, tokens, "https://finops.servicebus.windows.net", "ledger")


async def test_each_partition_is_one_request_with_a_key_of_its_own() -> None:
    client = Client()
    await hub(client, Tokens()).send(ROWS)

    (url, headers, first), (_, others, second) = client.sent
    assert url == "https://finops.servicebus.windows.net/ledger/messages?api-version=2014-01"
    assert headers["authorization"] == "Bearer token"
    assert headers["content-type"] == "application/vnd.microsoft.servicebus.json"
    assert [[orjson.loads(event["Body"]) for event in orjson.loads(body)] for body in (first, second)] == [
        [{"id": 1}, {"id": 3}],
        [{"id": 2}],
    ]
    assert headers["brokerproperties"] != others["brokerproperties"]
    assert b"a|" not in headers["brokerproperties"].encode()


async def test_a_refused_token_is_forgotten() -> None:
    tokens = Tokens()
    with pytest.raises(SinkUnavailable, match="401"):
        await hub(Client(401), tokens).send(ROWS)

    assert tokens.refused == ["token"]


@pytest.mark.parametrize("status", [302, 400, 413, 429, 500])
async def test_what_is_not_taken_is_said(status: int) -> None:
    with pytest.raises(SinkUnavailable, match=str(status)):
        await hub(Client(status), Tokens()).send(ROWS)
    with pytest.raises(SinkUnavailable, match=str(status)):
        await WebhookSink(Client(status), Secrets(), FakeClock(), "https://siem.example/in", "env:X").send(ROWS)


async def test_our_own_trouble_is_said_without_the_address() -> None:
    client, tokens = Client(), Tokens()
    client.status = Unreachable("connect", may_have_arrived=False)
    with pytest.raises(SinkUnavailable, match=r"^connect$"):
        await hub(client, tokens).send(ROWS)
    tokens.is_broken = True
    with pytest.raises(SinkUnavailable, match="no credential"):
        await hub(client, tokens).send(ROWS)
    for value in (None, "whsec_not base64"):
        with pytest.raises(SinkUnavailable, match="secret"):
            await WebhookSink(client, Secrets(value), FakeClock(), "https://siem.example/in", "env:X").send(ROWS)


async def test_a_webhook_is_signed_and_a_repeated_one_has_the_same_id() -> None:
    client, clock = Client(200), FakeClock()
    sink = WebhookSink(client, Secrets(), clock, "https://siem.example/in", "env:X")
    await sink.send(ROWS)
    clock.advance(60)
    await sink.send(ROWS)

    (_, first, body), (_, second, _) = client.sent
    assert orjson.loads(body) == {"type": "export.rows", "data": [{"id": 1}, {"id": 2}, {"id": 3}]}
    assert first["webhook-id"] == second["webhook-id"]
    assert is_genuine(second, body, "key", clock.now())


def test_parts_hold_everything_in_order_and_fit_into_a_request() -> None:
    rows = [Row("a", {"id": n, "text": '"' * 3000}) for n in range(200)]
    parts = list(parts_of(rows))

    assert [row for part in parts for row in part] == rows
    assert len(parts) > 1
    for part in parts:
        assert len(orjson.dumps([{"Body": row.line().decode()} for row in part])) <= MOST_BYTES + 1000
