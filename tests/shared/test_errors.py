"""A refusal knows its status, its code and what the caller should read."""

import pytest

from shared.errors import BadRequest, BodyTooLarge, GatewayError, MethodNotAllowed, NotFound, Unavailable

KINDS = [
    (GatewayError, 500, "internal_error", "server_error"),
    (BadRequest, 400, "invalid_request", "invalid_request_error"),
    (NotFound, 404, "not_found", "invalid_request_error"),
    (MethodNotAllowed, 405, "method_not_allowed", "invalid_request_error"),
    (BodyTooLarge, 413, "request_too_large", "invalid_request_error"),
    (Unavailable, 503, "service_unavailable", "server_error"),
]


@pytest.mark.parametrize(("kind", "status", "code", "type_"), KINDS)
def test_each_kind_has_its_status_code_and_type(kind: type[GatewayError], status: int, code: str, type_: str) -> None:
    error = kind("No.")

    assert (error.status, error.code, error.type, error.retryable) == (status, code, type_, None)
    assert (str(error), error.message, error.param, error.headers) == ("No.", "No.", None, {})


def test_one_refusal_can_say_more_without_changing_its_kind() -> None:
    headers = {"retry-after": "2"}
    error = Unavailable("Busy.", param="model", code="overloaded", headers=headers)
    headers["retry-after"] = "3"

    assert (error.code, error.param, error.headers) == ("overloaded", "model", {"retry-after": "2"})
    assert Unavailable("Down.").code == "service_unavailable"
