"""The refusals of an access token. None of them repeats the token or what it claims, nor may be retried with the same token."""

from shared.errors import GatewayError, Unavailable


class TokenRefused(GatewayError):
    """401, and 403 where the token is good but stands for nobody here."""

    status, code, type = 401, "invalid_token", "invalid_request_error"
    retryable = False

    def __init__(self, reason: str) -> None:
        super().__init__(f"The access token was refused: {reason}")


class TokenExpired(TokenRefused):
    code = "token_expired"

    def __init__(self) -> None:
        super().__init__("it has expired. Ask Entra ID for a new one.")


class TokenAudience(TokenRefused):
    code = "token_audience"

    def __init__(self) -> None:
        super().__init__("it was issued for another audience. Ask Entra ID for a token with this gateway's scope.")


class TokenIssuer(TokenRefused):
    code = "token_issuer"

    def __init__(self) -> None:
        super().__init__("it was not issued by an Entra ID tenant that this gateway trusts.")


class TokenNotMapped(TokenRefused):
    status, code = 403, "token_not_mapped"

    def __init__(self, has_hidden_groups: bool = False) -> None:
        super().__init__(
            "it does not list your groups, because there are too many of them. Ask your platform team for an app role."
            if has_hidden_groups
            else "it is valid, but its roles, groups, application and user belong to no team of this gateway."
        )


class IdentityUnavailable(Unavailable):
    """The issuer's keys cannot be had, so that nothing can be said about the token."""

    code = "identity_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The keys of Entra ID cannot be read right now, so access tokens cannot be checked. Try again.",
            headers={"retry-after": "5"},
        )
