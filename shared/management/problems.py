"""Refusals of the management API, told as problem details (RFC 9457): every one that a field can mend names the field."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from pydantic import ValidationError

from shared.errors import GatewayError
from shared.gateway.message import GatewayResponse, HeaderList
from shared.management.wording import sentence

CONTENT_TYPE = "application/problem+json"
MAX_FIELDS = 50


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field, written as in `thresholds[0].percent`."""

    field: str
    message: str


class Problem(Exception):
    """An answer that is a refusal. `detail` never holds a secret, nor what only other teams may know."""

    status = 400
    code = "invalid_request"

    def __init__(
        self, detail: str, errors: Sequence[FieldError] = (), *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class Malformed(Problem):
    code = "invalid_json"


class Forbidden(Problem):
    status, code = 403, "forbidden"


class Absent(Problem):
    """The same for what is not there and for what the caller may not know of."""

    status, code = 404, "not_found"


class WrongMethod(Problem):
    status, code = 405, "method_not_allowed"


class TooSlow(Problem):
    status, code = 408, "request_timeout"


class Conflict(Problem):
    status, code = 409, "conflict"


class Outdated(Problem):
    status, code = 412, "precondition_failed"


class TooLarge(Problem):
    status, code = 413, "request_too_large"


class NotJson(Problem):
    status, code = 415, "unsupported_media_type"


class Invalid(Problem):
    """The fields do not say what they may say."""

    status, code = 422, "invalid_fields"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        more = f" (and {len(errors) - MAX_FIELDS} more)" if len(errors) > MAX_FIELDS else ""
        said = "; ".join(f"{error.field}: {error.message}" for error in errors[:3])
        super().__init__(f"{said}{'; …' if len(errors) > 3 else ''}{more}", errors[:MAX_FIELDS])


class Unconditional(Problem):
    status, code = 428, "precondition_required"

    def __init__(self) -> None:
        super().__init__(
            "Send if-match with the ETag that you have read, so that nobody's change is lost; * overwrites."
        )


class Unreachable(Problem):
    status, code = 503, "store_unavailable"

    def __init__(self) -> None:
        super().__init__("The store cannot be reached right now. Try again.", headers={"retry-after": "2"})


def invalid(field: str, message: str) -> Invalid:
    return Invalid([FieldError(field, message)])


def field_errors(error: ValidationError, within: str = "") -> list[FieldError]:
    """Return what pydantic found, without the values that it found."""
    return [
        FieldError(_join(within, dotted(detail["loc"])), sentence(detail["type"], detail["msg"], detail.get("ctx", {})))
        for detail in error.errors(include_input=False, include_url=False)
    ]


def dotted(place: Iterable[str | int]) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:100]}" if text else step[:100]
    return text


def problem_of(error: Problem | GatewayError, request_id: str) -> GatewayResponse:
    """Return the answer that tells what went wrong."""
    if isinstance(error, GatewayError):
        detail, errors = error.message, [FieldError(error.param, error.message)] if error.param else []
    else:
        detail, errors = error.detail, list(error.errors)
    body: dict[str, object] = {
        "type": f"urn:tollgate:problem:{error.code or 'unknown'}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": detail,
        "instance": request_id,
    }
    if errors:
        body["errors"] = [{"field": item.field, "message": item.message} for item in errors]
    headers: HeaderList = [("content-type", CONTENT_TYPE), ("cache-control", "no-store"), ("x-request-id", request_id)]
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.append(("www-authenticate", "Bearer"))
    return GatewayResponse(error.status, [*headers, *error.headers.items()], orjson.dumps(body))


def _join(within: str, field: str) -> str:
    if not within or not field:
        return within or field or "body"
    return f"{within}{field}" if field.startswith("[") else f"{within}.{field}"
