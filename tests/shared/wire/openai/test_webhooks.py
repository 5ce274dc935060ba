import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib._webhooks import webhook_signature_matches

from shared.wire.openai.webhooks import TOLERANCE_S, is_genuine, signature_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AT = int(NOW.timestamp())
TEXT, ENCODED = "a secret of our own", "whsec_" + base64.b64encode(b"thirty-two bytes of a real secret").decode()
BODY = b'{"type":"response.completed","data":{"id":"resp_1"}}'


def signed(secret: str = TEXT, *, at: int = AT, body: bytes = BODY, id: str = "wh_1") -> dict[str, str]:
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature_of(id, str(at), body, secret),
    }


@pytest.mark.parametrize("secret", [TEXT, ENCODED])
def test_what_was_signed_with_the_secret_is_genuine(secret: str) -> None:
    assert is_genuine(signed(secret), BODY, secret, NOW)
    assert not is_genuine(signed(secret), BODY + b" ", secret, NOW)
    assert not is_genuine(signed("another"), BODY, secret, NOW)


def test_openais_own_sdk_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: float(AT))

    assert webhook_signature_matches(BODY, signed(ENCODED), secret=ENCODED, tolerance=TOLERANCE_S)


def test_while_a_secret_is_changed_one_of_two_signatures_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = "v1,b2xk " + headers["webhook-signature"]

    assert is_genuine(headers, BODY, TEXT, NOW)


@pytest.mark.parametrize(("age", "admits"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_it_is_not_genuine_for_ever(age: int, admits: bool) -> None:
    assert is_genuine(signed(at=AT - age), BODY, TEXT, NOW) is admits


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_header_is_needed_and_signed(name: str) -> None:
    headers = signed()
    assert not is_genuine({**headers, name: headers[name] + "1"}, BODY, TEXT, NOW)
    del headers[name]

    assert not is_genuine(headers, BODY, TEXT, NOW)


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=40)))
def test_no_header_breaks_the_check(headers: dict[str, str]) -> None:
    assert not is_genuine(headers, BODY, TEXT, NOW)
