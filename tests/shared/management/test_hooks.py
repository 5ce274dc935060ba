"""Deliveries of a forge: what is taken, and what is said to who does not know the secret."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson
import pytest

from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.management import hooks
from shared.management.hooks import MOST_BYTES, NotSigned, github, receive_github_event
from shared.management.problems import Absent, Malformed, NotJson, TooLarge
from shared.redaction import Secret
from shared.sessions.pull_requests import PullRequests
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.sessions.test_pull_requests import WEEK, told
from tests.shared.sessions.traces import NOON


class _Secrets:
    async def resolve(self, ref: str) -> Secret:
        return Secret("hush")

    def invalidate(self, ref: str) -> None:
        pass

    async def close(self) -> None:
        pass


class Forge:
    def __init__(self) -> None:
        self.pull_requests = PullRequests(MemoryDocuments(), FakeClock(NOON))

    async def send(
        self, event: object, *, secret: bytes = b"hush", ref: str | None = "env:HOOK", **headers: str
    ) -> GatewayResponse:
        return await github(self._request(event, secret, headers), self.pull_requests, _Secrets(), ref)

    async def answer(self, event: object, *, secret: bytes = b"hush", ref: str | None = "env:HOOK") -> GatewayResponse:
        """What the forge gets to see."""
        request = self._request(event, secret, {})
        return await receive_github_event(request, self.pull_requests, _Secrets(), ref, FakeClock(NOON))

    def _request(self, event: object, secret: bytes, headers: Mapping[str, str]) -> GatewayRequest:
        raw = event if isinstance(event, bytes) else orjson.dumps(event)
        sent = {
            "x-hub-signature-256": "sha256=" + hmac.new(secret, raw, sha256).hexdigest(), "x-github-event": "pull_request",
            "x-github-delivery": "d1", "content-type": "application/json",
        } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip

        async def body() -> AsyncIterator[bytes]:
            yield raw[:100]
            yield raw[100:]

        return GatewayRequest("POST", "/hooks/github", "", sent, list(sent.items()), body)


def _result(answer: GatewayResponse) -> Any:
    assert isinstance(answer.body, bytes)
    return orjson.loads(answer.body)["result"]


async def test_a_merge_is_noted_once() -> None:
    forge = Forge()
    assert _result(await forge.send(told(9, merged=True))) == "accepted"
    assert _result(await forge.send(told(9, merged=True))) == "known"
    assert [each.id for each in await forge.pull_requests.merged(WEEK)] == ["acme/api#12"]


@pytest.mark.parametrize(
    ("secret", "ref", "status"), [(b"guess", "env:HOOK", 401), (b"hush", None, 404), (b"hush", "env:HOOK", 200)]
)
async def test_every_delivery_gets_an_answer(secret: bytes, ref: str | None, status: int) -> None:
    assert (await Forge().answer(told(9, merged=True), secret=secret, ref=ref)).status == status


async def test_a_delivery_that_cannot_be_kept_is_to_be_sent_again() -> None:
    forge, documents = Forge(), MemoryDocuments()
    forge.pull_requests = PullRequests(documents, FakeClock(NOON))
    documents.is_down = True

    assert (await forge.answer(told(9, merged=True))).status == 503


async def test_a_wrong_signature_tells_nothing_and_changes_nothing() -> None:
    forge = Forge()
    with pytest.raises(NotSigned):
        await forge.send(told(9, merged=True), secret=b"guess")
    with pytest.raises(NotSigned):
        await forge.send(b"no json", x_hub_signature_256="")
    assert await forge.pull_requests.merged(WEEK) == []


async def test_without_a_secret_there_is_no_webhook() -> None:
    with pytest.raises(Absent):
        await Forge().send(told(9), ref=None)


async def test_other_events_are_let_pass() -> None:
    assert _result(await Forge().send({"zen": "Keep it simple."}, x_github_event="ping")) == "ignored"


async def test_forms_are_refused_with_what_to_do() -> None:
    with pytest.raises(NotJson, match="application/json"):
        await Forge().send(told(9), content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("event", [b"{", b"[]", {}])
async def test_what_is_no_event_is_refused(event: object) -> None:
    with pytest.raises(Malformed):
        await Forge().send(event)


async def test_a_delivery_has_an_id() -> None:
    with pytest.raises(Malformed, match="X-GitHub-Delivery"):
        await Forge().send(told(9), x_github_delivery="")


async def test_what_is_too_long_is_not_read() -> None:
    assert MOST_BYTES == 2**20
    with pytest.raises(TooLarge):
        await Forge().send(b"x" * (MOST_BYTES + 1))


async def test_what_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr(hooks, "READ_S", 0.01)
    forge, ended = Forge(), asyncio.timeout(30)
    request = replace(forge._request(told(9), b"hush", {}), body=endless)
    async with ended:
        answer = await receive_github_event(request, forge.pull_requests, _Secrets(), "env:HOOK", FakeClock(NOON))

    assert answer.status == 408


@pytest.mark.parametrize("created_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", 5, None])
async def test_dates_that_there_are_not_are_a_mistake_of_the_sender(created_at: object) -> None:
    event = told(9)
    event["pull_request"]["created_at"] = created_at

    assert (await Forge().answer(event)).status == 400
