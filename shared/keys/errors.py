"""The refusals of a caller who cannot be identified. None of them may be retried: the answer would be the same."""

from shared.errors import GatewayError


class KeyRefused(GatewayError):
    """401. The text never repeats what was sent."""

    status, code, type = 401, "invalid_api_key", "invalid_request_error"
    retryable = False


class KeyMissing(KeyRefused):
    code = "missing_api_key"

    def __init__(self) -> None:
        super().__init__(
            "No API key was sent. Use one of the headers Authorization: Bearer, api-key, x-gateway-key or x-api-key."
        )


class KeyUnknown(KeyRefused):
    def __init__(self, is_mistyped: bool = False) -> None:
        reason = " Its checksum is wrong, so it was probably mistyped or cut." if is_mistyped else ""
        super().__init__(f"The API key is not known to this gateway.{reason}")


class KeyExpired(KeyRefused):
    code = "api_key_expired"

    def __init__(self) -> None:
        super().__init__("The API key has expired. Ask your platform team for a new one.")


class KeyDisabled(KeyRefused):
    code = "api_key_disabled"

    def __init__(self) -> None:
        super().__init__("The API key is disabled.")
