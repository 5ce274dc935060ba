"""The answers of the console beside its pages, the cookie, and the headers that every answer has."""

from shared.console.sign_ins import COOKIE
from shared.gateway.message import GatewayResponse, HeaderList

CSP = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def token_in(headers: HeaderList) -> str | None:
    """Return the token of the cookie; of several nobody knows which is ours, so none counts."""
    found = [
        value
        for name, line in headers
        if name.lower() == "cookie"
        for pair in line.split(";")
        for key, _, value in [pair.strip().partition("=")]
        if key == COOKIE
    ]
    return found[0] if len(found) == 1 else None


def cookie(token: str, seconds: int) -> str:
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"


def moved(path: str, more: HeaderList | None = None) -> GatewayResponse:
    return GatewayResponse(303, [("location", path), *guards(), *(more or [])], b"")


def guards() -> HeaderList:
    return [
        ("cache-control", "no-store"),
        ("content-security-policy", CSP),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ]
