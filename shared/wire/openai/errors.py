"""Writes an error in the shape that the OpenAI SDKs parse: `{"error": {message, type, param, code}}`."""

import orjson

from shared.errors import GatewayError


def error_body(error: GatewayError) -> bytes:
    """Return the JSON body of a refusal or failure."""
    return error_json(error.message, error.type, error.param, error.code)


def error_json(message: str, type_: str, param: str | None, code: str | None) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": type_, "param": param, "code": code}})


def error_headers(error: GatewayError) -> list[tuple[str, str]]:
    """Return the headers of a refusal; `x-should-retry` keeps SDKs from repeating what cannot succeed."""
    headers = [("content-type", "application/json"), *error.headers.items()]
    if error.retryable is not None:
        headers.append(("x-should-retry", "true" if error.retryable else "false"))
    return headers
