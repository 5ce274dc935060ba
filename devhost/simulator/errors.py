"""Errors as Azure OpenAI writes them: its gateway's short form, and the model service's OpenAI form."""

from collections.abc import Mapping
from typing import Any

from devhost.simulator.content_filter import blocked_prompt


class AzureError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, error: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.get("message"))
        self.status = status
        self.error = error
        self.headers = dict(headers or {})


def access_denied() -> AzureError:
    message = (
        "Access denied: the subscription key, the token or its audience is not valid for this endpoint. "
        "Send a key or a token that belongs to this resource."
    )
    return AzureError(401, {"code": "401", "message": message})


def permission_denied() -> AzureError:
    message = "The principal lacks the data action that this operation requires."
    return AzureError(403, {"code": "PermissionDenied", "message": message})


def resource_not_found() -> AzureError:
    return AzureError(404, {"code": "404", "message": "Resource not found"})


def deployment_not_found(name: str) -> AzureError:
    message = f"This resource has no API deployment named {name[:100]!r}. A new one may take five minutes to appear."
    return AzureError(404, {"code": "DeploymentNotFound", "message": message})


def operation_not_supported(operation: str, model: str) -> AzureError:
    message = f"The {operation} operation does not work with the specified model, {model}."
    return AzureError(400, {"code": "OperationNotSupported", "message": message})


def bad_request(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> AzureError:
    return AzureError(status, {"message": message, "type": "invalid_request_error", "param": param, "code": code})


def object_not_found(kind: str, object_id: str) -> AzureError:
    return bad_request(f"No such {kind}: {object_id[:100]}", "id", status=404)


def context_exceeded(limit: int, asked: int, param: str) -> AzureError:
    message = f"This model reads at most {limit} tokens, and this request comes to {asked}. Shorten it."
    return bad_request(message, param, "context_length_exceeded")


def prompt_blocked() -> AzureError:
    return AzureError(400, blocked_prompt())


def server_error(status: int) -> AzureError:
    codes = {500: "InternalServerError", 502: "BadGateway", 503: "ServiceUnavailable", 504: "Timeout"}
    message = "The service could not complete the request; try again."
    return AzureError(status, {"code": codes.get(status, str(status)), "message": message})


def rate_limited(headers: Mapping[str, str]) -> AzureError:
    message = "Requests to this deployment have exceeded its token rate limit; retry after the time in the headers."
    return AzureError(429, {"code": "429", "message": message}, {"policy-id": "DeploymentRatelimit-Token", **headers})
