"""The words that figures may be divided by: whatever else comes up is `other`, so that nobody can make series without end."""

import re
from collections import defaultdict
from collections.abc import Iterable

from shared.usage.model import Outcome, UsageEvent
from shared.wire.openai.endpoints import ENDPOINTS, Meter

OTHER, NONE = "other", "none"

LEARNED, LEARNED_OF_ONE = 100, 10
"""Names of models that upstreams say they serve, and that are listed nowhere: dated versions mostly. So many in all, and of one model."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,99}")

OWN_CODES = frozenset({
    "address_not_allowed", "api_key_disabled", "api_key_expired", "budget_reserved", "circuit_open",
    "client_closed_request", "context_length_exceeded", "credential", "directory_unavailable", "duplicate_key",
    "endpoint_not_allowed", "identity_unavailable", "insufficient_quota", "internal_error", "invalid_batch", "invalid_form",
    "invalid_header", "invalid_json", "invalid_request", "invalid_tags", "invalid_token", "invalid_type", "invalid_value",
    "limits_unavailable", "max_tokens_exceeded", "method_not_allowed", "missing_api_key", "missing_required_parameter",
    "model_not_found", "model_not_priced", "no_deployment", "not_configured", "not_found", "object_in_other_account",
    "overloaded", "ownership_unavailable", "previous_response_not_found", "rate_limit_exceeded", "request_timeout",
    "request_too_large", "service_unavailable", "token_audience", "token_expired", "token_issuer", "token_not_mapped",
    "unknown_parameter", "unknown_url", "unsupported_endpoint", "unsupported_value", "upstream_auth_failed",
    "upstream_timeout", "upstream_unreachable", "websocket_not_supported",
})  # fmt: skip
"""What the gateway itself says of a call that went wrong."""

UPSTREAM_CODES = frozenset({
    "429", "500", "503", "BadRequest", "DeploymentNotFound", "InternalServerError", "NoCapacity", "OperationNotSupported",
    "RequestTimeout", "content_filter", "content_policy_violation", "invalid_api_key", "invalid_encrypted_content",
    "invalid_function_parameters", "invalid_image", "invalid_prompt", "server_error", "string_above_max_length", "timeout",
    "too_many_requests", "unsupported_parameter",
})  # fmt: skip
"""What Azure OpenAI and OpenAI are known to say."""

ERROR_CODES = OWN_CODES | UPSTREAM_CODES

FINISH_REASONS = frozenset(
    {"stop", "length", "content_filter", "tool_calls", "function_call", "max_output_tokens", "usage_never_told"}
)

OPERATIONS = {
    Meter.CHAT: "chat",
    Meter.RESPONSE: "chat",
    Meter.COMPLETION: "text_completion",
    Meter.EMBEDDING: "embeddings",
}
"""`gen_ai.operation.name` of the semantic conventions; what they have no word for goes by the endpoint's own name."""

PROVIDERS = {"azure_openai": "azure.ai.openai", "openai_compatible": "openai"}
"""`gen_ai.provider.name`: by the protocol that is spoken."""

METERS = {endpoint.name: endpoint.meter for endpoint in ENDPOINTS}
ROUTES = {endpoint.name: f"/v1/{endpoint.path}" for endpoint in ENDPOINTS}


def is_name(text: str) -> bool:
    """Whether a model could be called so: what has blanks in it, or is long, is rather something that was said."""
    return _NAME.fullmatch(text) is not None


def is_generation(endpoint: str) -> bool:
    """Whether a model is asked, so that the semantic conventions for generative AI apply."""
    return METERS.get(endpoint, Meter.REQUEST) is not Meter.REQUEST


def operation_of(endpoint: str) -> str:
    return OPERATIONS.get(METERS.get(endpoint, Meter.REQUEST), endpoint)


def provider_of(event: UsageEvent) -> str:
    return PROVIDERS.get(event.provider or "", OTHER if event.provider else NONE)


def error_code_of(event: UsageEvent) -> str:
    if event.error_code is None:
        return NONE
    return event.error_code if event.error_code in ERROR_CODES else OTHER


def finish_reason_of(event: UsageEvent) -> str | None:
    reason = event.finish_reason
    return reason if reason is None or reason in FINISH_REASONS else OTHER


def error_type_of(event: UsageEvent) -> str | None:
    """Return `error.type`: a code that is known, else the status; None where the call went well."""
    if event.status < 400 and event.outcome in (Outcome.COMPLETED, Outcome.CLIENT_GONE):
        return None
    code = error_code_of(event)
    if code not in (NONE, OTHER):
        return code
    return event.outcome.value if event.status < 400 else str(event.status)


def is_error(event: UsageEvent) -> bool:
    """Whether a call failed by no fault of its caller: his own mistakes and our refusals are no errors of the gateway."""
    return event.status >= 500 or event.outcome in (Outcome.FAILED, Outcome.STREAM_CUT)


class Models:
    """Names of models that may stand in telemetry: those that an operator or the price list knows, and a few that upstreams tell."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._learned: set[str] = set()
        self._learned_of: dict[str, int] = defaultdict(int)

    def asked(self, event: UsageEvent) -> str:
        """Return the name that the call asked for or, where only a pattern leads from it, what that stands for."""
        return self.named(event.requested_model, event.catalog_model)

    def named(self, requested: object, catalogued: object) -> str:
        for name in (requested, catalogued):
            if isinstance(name, str) and name in self._known:
                return name
        return OTHER if requested else NONE

    def served(self, event: UsageEvent) -> str:
        name = event.served_model
        if not name:
            return NONE
        if name in self._known or name in self._learned:
            return name
        asked = self.asked(event)
        # What is told of a name that nobody configured, the caller may have made up: he could fill the room of all others.
        if asked in (OTHER, NONE) or name in (event.requested_model, event.catalog_model) or not is_name(name):
            return OTHER
        if len(self._learned) >= LEARNED or self._learned_of[asked] >= LEARNED_OF_ONE:
            return OTHER
        self._learned.add(name)
        self._learned_of[asked] += 1
        return name
