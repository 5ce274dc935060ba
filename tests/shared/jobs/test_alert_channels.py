"""Each kind of channel is spoken to in its own way, and every outcome is told without a secret."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from shared.alerts.model import ChannelConfig
from shared.alerts.ports import Answer, MailServer
from shared.alerts.webhook import webhook_id
from shared.jobs.alert_channels import Outcome, Verdict
from tests.fakes import FakeClock
from tests.shared.alerts.notices import NOTICE
from tests.shared.jobs.alerting import ADDRESS, NO_TOKEN, REFUSED, TIMEOUT, Outside

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MAIL = {"sender": "gateway@contoso.example", "recipients": ["ada@contoso.example"]}
CHANNELS: dict[str, dict[str, Any]] = {
    "teams": {"kind": "teams", "name": "t", "secret_ref": "env:SLACK"},
    "slack": {"kind": "slack", "name": "s", "secret_ref": "env:SLACK"},
    "webhook": {"kind": "webhook", "name": "h", "url": "https://hook.example/in", "secret_ref": "env:KEY"},
    "smtp": {"kind": "smtp", "name": "m", "host": "smtp.example", "username": "u", "secret_ref": "env:KEY", **MAIL},
    "acs_email": {"kind": "acs_email", "name": "a", "endpoint": "https://c.example", **MAIL},
}


def channel(kind: str) -> ChannelConfig:
    parsed: ChannelConfig = TypeAdapter(ChannelConfig).validate_python(CHANNELS[kind])
    return parsed


async def send(outside: Outside, kind: str) -> Outcome:
    return await outside.channels(FakeClock(NOW)).send(channel(kind), NOTICE)


@pytest.mark.parametrize("kind", ["teams", "slack"])
async def test_chats_are_posted_to_the_address_behind_the_reference(kind: str) -> None:
    outside = Outside(answer=Answer(202))

    assert await send(outside, kind) == Outcome(Verdict.DELIVERED, "202")
    (post,) = outside.posts
    assert post.url == ADDRESS
    assert post.headers["content-type"] == "application/json"
    assert orjson.loads(post.body)


async def test_webhooks_are_signed_with_an_id_that_stays() -> None:
    outside = Outside()

    await send(outside, "webhook")
    await send(outside, "webhook")

    first, second = outside.posts
    assert first.url == "https://hook.example/in"
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == webhook_id(NOTICE.id, "h")
    assert first.headers["webhook-signature"].startswith("v1,")


async def test_smtp_gets_the_password_behind_the_reference() -> None:
    outside = Outside(answer=Answer(250))

    assert await send(outside, "smtp") == Outcome(Verdict.DELIVERED, "250")
    ((server, mail),) = outside.mails
    assert isinstance(server, MailServer)
    assert (server.host, server.username, mail.recipients) == ("smtp.example", "u", ("ada@contoso.example",))
    assert server.password is not None
    assert server.password.reveal() == "signing-key"
    assert "signing-key" not in repr(server)


async def test_the_cloud_gets_a_mail_with_a_uuid() -> None:
    outside = Outside(answer=Answer(202))

    assert await send(outside, "acs_email") == Outcome(Verdict.DELIVERED, "202")
    ((endpoint, mail),) = outside.mails
    assert endpoint == "https://c.example"
    assert len(mail.id) == 36


@pytest.mark.parametrize(
    ("kind", "answer", "outcome"),
    [
        ("slack", Answer(503, 7.0), Outcome(Verdict.PASSING, "503", 7.0)),
        ("slack", Answer(429, 30.0), Outcome(Verdict.PASSING, "429", 30.0)),
        ("slack", Answer(408), Outcome(Verdict.PASSING, "408")),
        ("slack", Answer(302), Outcome(Verdict.FINAL, "302")),
        ("slack", Answer(400), Outcome(Verdict.FINAL, "400")),
        ("slack", TIMEOUT, Outcome(Verdict.PASSING, "timeout", may_have_arrived=True)),
        ("slack", REFUSED, Outcome(Verdict.PASSING, "connect")),
        ("smtp", Answer(451), Outcome(Verdict.PASSING, "451")),
        ("smtp", Answer(550), Outcome(Verdict.FINAL, "550")),
        ("acs_email", NO_TOKEN, Outcome(Verdict.PASSING, "credential_unavailable")),
        ("acs_email", Answer(403), Outcome(Verdict.FINAL, "403")),
    ],
)
async def test_what_passes_is_told_from_what_does_not(kind: str, answer: Answer | Exception, outcome: Outcome) -> None:
    assert await send(Outside(answer=answer), kind) == outcome


@pytest.mark.parametrize("kind", ["teams", "slack", "webhook", "smtp"])
async def test_without_its_secret_nothing_is_sent(kind: str) -> None:
    outside = Outside(secrets={})

    assert await send(outside, kind) == Outcome(Verdict.PASSING, "secret_unavailable")
    assert (outside.posts, outside.mails) == ([], [])


@pytest.mark.parametrize("address", ["http://hooks.example/x", "https://u:p@hooks.example/x", "hooks.example", ""])
async def test_a_secret_that_is_no_safe_address_is_not_posted_to(address: str) -> None:
    outside = Outside(secrets={"env:SLACK": address})

    assert await send(outside, "teams") == Outcome(Verdict.FINAL, "address_not_https")
    assert outside.posts == []


async def test_a_signing_secret_that_cannot_be_read_is_told_as_such() -> None:
    outside = Outside(secrets={"env:KEY": "whsec_***"})

    assert await send(outside, "webhook") == Outcome(Verdict.FINAL, "signing_secret_invalid")


async def test_an_address_that_is_gone_is_looked_up_again_next_time() -> None:
    outside = Outside(answer=Answer(404))

    assert (await send(outside, "slack")).verdict is Verdict.FINAL
    assert outside.forgotten == ["env:SLACK"]
