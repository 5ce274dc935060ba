"""Refusals and failures with the status and code that the caller's SDK sees.

GatewayError
├── BadRequest                 400  the caller can mend it: `param` names the field
├── NotFound                   404
├── MethodNotAllowed           405
├── BodyTooLarge               413
└── Unavailable                503  our own trouble, never the caller's fault

A feature declares its own kinds beside itself; `shared.wire.openai.errors` is the only renderer.
"""

from collections.abc import Mapping


def retry_headers(milliseconds: int) -> dict[str, str]:
    """Return when to try again, for every reader: in milliseconds, and in whole seconds, rounded up."""
    return {"retry-after-ms": str(milliseconds), "retry-after": str(-(-milliseconds // 1000))}


class GatewayError(Exception):
    """An answer that is an error: raised where it is known, rendered in one place.

    `message` is for the caller and never holds a secret, a prompt or an upstream address.
    """

    status = 500
    code: str | None = "internal_error"
    type = "server_error"
    retryable: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code
        self.headers = dict(headers or {})


class BadRequest(GatewayError):
    status, code, type = 400, "invalid_request", "invalid_request_error"


class NotFound(GatewayError):
    status, code, type = 404, "not_found", "invalid_request_error"


class MethodNotAllowed(GatewayError):
    status, code, type = 405, "method_not_allowed", "invalid_request_error"


class BodyTooLarge(GatewayError):
    status, code, type = 413, "request_too_large", "invalid_request_error"


class Unavailable(GatewayError):
    status, code, type = 503, "service_unavailable", "server_error"
