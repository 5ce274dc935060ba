"""Who may call: tokens of the simulated managed identity, and one well-known key."""

import base64
import hmac
import re
import secrets
from collections.abc import Iterable
from hashlib import sha256
from time import time
from typing import Any

import orjson

API_KEY = "simulator-key"
AUDIENCES = frozenset({"https://cognitiveservices.azure.com", "https://ai.azure.com"})

_VIRTUAL_KEY = re.compile(r"(?:^|[\s,;=:\"'])sk-[A-Za-z0-9]")


class TokenIssuer:
    """Mints access tokens that look like Entra's and checks them; only this process can do either."""

    def __init__(self, lifetime_s: int = 86_400) -> None:
        self._key = secrets.token_bytes(32)
        self._lifetime_s = lifetime_s
        self._generation = 0
        self.minted = 0

    def mint(self, resource: str, client_id: str | None = None) -> tuple[str, int]:
        """Return a token for the resource, and when it expires."""
        now = int(time())
        expires = now + self._lifetime_s
        self.minted += 1
        claims = {
            "aud": resource.rstrip("/"),
            "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            "iat": now,
            "nbf": now,
            "exp": expires,
            "appid": client_id or "11111111-1111-1111-1111-111111111111",
            "uti": self.minted,
            "generation": self._generation,
        }
        head = f"{_encode({'typ': 'JWT', 'alg': 'HS256'})}.{_encode(claims)}"
        return f"{head}.{self._sign(head)}", expires

    def revoke_all(self) -> None:
        """Refuse every token minted so far."""
        self._generation += 1

    def admits(self, token: str) -> bool:
        """Whether the token is ours, in time, not revoked, and meant for this service."""
        head, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(head).encode()):
            return False
        claims = _decode(head.partition(".")[2])
        return claims["aud"] in AUDIENCES and claims["exp"] > time() and claims["generation"] == self._generation

    def _sign(self, head: str) -> str:
        return _base64url(hmac.digest(self._key, head.encode(), sha256))


def admits(issuer: TokenIssuer, authorization: str | None, api_key: str | None) -> bool:
    """Whether one of the two credentials is good; Azure looks at the key first."""
    if api_key is not None:
        return hmac.compare_digest(api_key.encode(), API_KEY.encode())
    scheme, _, token = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and issuer.admits(token.strip())


def leaks_virtual_key(header_values: Iterable[str]) -> bool:
    """Whether a gateway's own key came through: nothing that looks like one belongs here."""
    return any(_VIRTUAL_KEY.search(value) for value in header_values)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _encode(value: dict[str, Any]) -> str:
    return _base64url(orjson.dumps(value))


def _decode(text: str) -> dict[str, Any]:
    claims: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims
