"""Webhooks are signed as https://www.standardwebhooks.com says, so that any library that knows it can check them."""

import base64
import hmac
from datetime import UTC, datetime
from hashlib import sha256

import orjson
import pytest

from shared.alerts.webhook import signed_headers, webhook_body, webhook_id
from shared.redaction import Secret
from tests.shared.alerts.notices import NOTICE

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_signature_is_over_id_time_and_body() -> None:
    """The example of the specification's reference libraries."""
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)

    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', secret, at)

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_without_prefix_is_the_key_itself() -> None:
    headers = signed_headers("msg_1", b"{}", Secret("plain-key"), NOW)

    signature = hmac.new(b"plain-key", f"msg_1.{int(NOW.timestamp())}.{{}}".encode(), sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(signature).decode()}"


def test_a_broken_secret_is_refused_without_being_told() -> None:
    with pytest.raises(ValueError, match="not base64") as refusal:
        signed_headers("msg_1", b"{}", Secret("whsec_not base64!"), NOW)

    assert "base64!" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_the_id_is_the_same_for_every_try_and_another_for_every_channel() -> None:
    assert webhook_id("n", "hook") == webhook_id("n", "hook")
    assert webhook_id("n", "hook") != webhook_id("n", "other")
    assert "." not in webhook_id("anomaly|team.with.dots", "hook")


def test_the_body_is_the_notice() -> None:
    body = orjson.loads(webhook_body(NOTICE))

    assert body["type"] == "notice.budget"
    assert body["timestamp"] == "2026-03-02T12:00:00.000000+00:00"
    assert body["data"] == {
        "id": NOTICE.id,
        "severity": "critical",
        "title": NOTICE.title,
        "text": NOTICE.text,
        "facts": [{"label": label, "value": value} for label, value in NOTICE.facts],
        "team": "search",
        "scope": "teams/search",
        "link": "https://console.example/alerts",
    }
