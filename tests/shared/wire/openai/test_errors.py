"""An error has the shape that the OpenAI SDKs parse."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest, GatewayError, MethodNotAllowed, NotFound, Unavailable
from shared.keys.errors import KeyDisabled, KeyExpired, KeyMissing, KeyUnknown
from shared.wire.openai.errors import error_body, error_headers, error_json


@given(st.text(st.characters(codec="utf-8")), st.none() | st.text(st.characters(codec="utf-8"), max_size=20))
def test_the_body_is_json_with_exactly_four_members(message: str, param: str | None) -> None:
    error = orjson.loads(error_body(BadRequest(message, param=param)))

    assert error == {
        "error": {"message": message, "type": "invalid_request_error", "param": param, "code": "invalid_request"}
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (GatewayError("x"), 500, "internal_error"),
        (BadRequest("x", code="bad_thing"), 400, "bad_thing"),
        (NotFound("x"), 404, "not_found"),
        (MethodNotAllowed("x"), 405, "method_not_allowed"),
        (Unavailable("x"), 503, "service_unavailable"),
        (KeyMissing(), 401, "missing_api_key"),
        (KeyUnknown(), 401, "invalid_api_key"),
        (KeyExpired(), 401, "api_key_expired"),
        (KeyDisabled(), 401, "api_key_disabled"),
    ],
)
def test_each_kind_has_its_status_and_code(error: GatewayError, status: int, code: str) -> None:
    assert error.status == status
    assert orjson.loads(error_body(error))["error"]["code"] == code


def test_headers_say_json_and_carry_the_errors_own() -> None:
    headers = error_headers(Unavailable("x", headers={"retry-after": "2"}))

    assert headers == [("content-type", "application/json"), ("retry-after", "2")]


@pytest.mark.parametrize("refused", [KeyMissing(), KeyUnknown(), KeyExpired(), KeyDisabled()])
def test_a_refused_key_is_not_to_be_tried_again(refused: GatewayError) -> None:
    assert ("x-should-retry", "false") in error_headers(refused)


def test_what_may_succeed_later_says_so() -> None:
    class Busy(Unavailable):
        retryable = True

    assert ("x-should-retry", "true") in error_headers(Busy("x"))


def test_null_code_and_param_are_written_as_null() -> None:
    assert error_json("m", "t", None, None) == b'{"error":{"message":"m","type":"t","param":null,"code":null}}'
