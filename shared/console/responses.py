"""The answers of the console beside its pages, the cookie, and the headers that every answer has."""

from shared.console.forms import is_local, is_plain
from shared.console.sign_ins import COOKIE, LOCAL_COOKIE
from shared.gateway.message import GatewayRequest, GatewayResponse, HeaderList

CSP = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def token_in(request: GatewayRequest) -> str | None:
    """Return the token of the cookie; of several nobody knows which is ours, so none counts.

    The cookie without a prefix, which pages of neighbouring hosts could set, counts on this machine alone.
    """
    pairs = [
        pair.strip().partition("=")
        for name, line in request.header_list
        if name.lower() == "cookie"
        for pair in line.split(";")
    ]
    for wanted in (LOCAL_COOKIE, COOKIE) if is_local(request) else (COOKIE,):
        if found := [value for name, _, value in pairs if name == wanted]:
            return found[0] if len(found) == 1 else None
    return None


def cookie(request: GatewayRequest, token: str, seconds: int) -> str:
    """Return the cookie for the page that sent a form."""
    name, secure = (LOCAL_COOKIE, "") if is_plain(request) else (COOKIE, " Secure;")
    return f"{name}={token}; Path=/; Max-Age={seconds};{secure} HttpOnly; SameSite=Strict"


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
