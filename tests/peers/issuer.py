"""Entra ID as far as a resource sees it: tenants that sign access tokens, and publish the keys to check them with, on loopback."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import api_jws
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared.clock import Clock

TENANT = "6f1c2a30-0000-4000-8000-00000000000a"
GATEWAY = "6f1c2a30-0000-4000-8000-0000000000aa"
"""The gateway's own app registration."""

CLIENT = "6f1c2a30-0000-4000-8000-0000000000cc"
ADA = "6f1c2a30-0000-4000-8000-0000000000da"
ROBOT = "6f1c2a30-0000-4000-8000-0000000000b0"
"""The service principal of CLIENT."""


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key a name, made once: it takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(slots=True)
class Issuer:
    """Signs with `signing`, and publishes the keys named in `published`; what it answers may be changed at any time."""

    clock: Clock
    authority: str = "https://login.example"
    signing: str = "key-1"
    published: list[str] = field(default_factory=lambda: ["key-1"])
    extra: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    arrivals: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.may_answer.set()

    @property
    def fetches(self) -> int:
        return len(self.asked)

    async def has_been_asked(self, times: int) -> None:
        async with self.arrivals, asyncio.timeout(10):
            await self.arrivals.wait_for(lambda: self.fetches >= times)

    def roll_over(self, name: str, *, keep: bool = False) -> None:
        """Publish a new key and sign with it from now on."""
        self.published = [*(self.published if keep else []), name]
        self.signing = name

    def jwks(self) -> dict[str, Any]:
        return {"keys": [*(published_key(name) for name in self.published), *self.extra]}

    def for_person(self, version: str = "2.0", **claims: Any) -> str:
        """Mint the token of a person who uses an application; a claim of None is left out."""
        return self.sign(self.person(version, **claims))

    def for_application(self, version: str = "2.0", **claims: Any) -> str:
        """Mint the token of an application that calls in its own name."""
        own = {"oid": ROBOT, "sub": ROBOT, "scp": None, "preferred_username": None, "upn": None}
        return self.sign(self.person(version, **{**own, **claims}))

    def person(self, version: str = "2.0", **claims: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        is_new = version == "2.0"
        common: dict[str, Any] = {"iat": now, "nbf": now, "exp": now + 3600, "tid": TENANT, "oid": ADA, "ver": version}
        mine: dict[str, Any] = {
            "aud": GATEWAY if is_new else f"api://{GATEWAY}",
            "iss": f"{self.authority}/{TENANT}/v2.0" if is_new else f"https://sts.windows.net/{TENANT}/",
            "azp" if is_new else "appid": CLIENT,
            "sub": "pairwise-subject-of-ada",
            "scp": "access_as_user",
            "preferred_username" if is_new else "upn": "Ada@contoso.example",
        }
        return {name: value for name, value in {**common, **mine, **claims}.items() if value is not None}

    def sign(self, claims: dict[str, Any], algorithm: str = "RS256", **header: Any) -> str:
        key = ec_key(self.signing) if algorithm == "ES256" else rsa_key(self.signing)
        return api_jws.encode(json.dumps(claims).encode(), key, algorithm, headers={"kid": self.signing, **header})


def published_key(name: str) -> dict[str, Any]:
    """A key as Entra ID publishes it: without `alg`. Names that begin with `ec` are keys on a curve."""
    if name.startswith("ec"):
        return {**ECAlgorithm.to_jwk(ec_key(name).public_key(), as_dict=True), "kid": name, "use": "sig"}
    return {**RSAAlgorithm.to_jwk(rsa_key(name).public_key(), as_dict=True), "kid": name, "x5t": name, "use": "sig"}


@asynccontextmanager
async def serving(clock: Clock, tls: ssl.SSLContext | None = None) -> AsyncIterator[Issuer]:
    issuer = Issuer(clock)

    async def keys(request: web.Request) -> web.Response:
        async with issuer.arrivals:
            issuer.asked.append(request.match_info["tenant"])
            issuer.arrivals.notify_all()
        await issuer.may_answer.wait()
        body = json.dumps(issuer.jwks()).encode() if issuer.body is None else issuer.body
        return web.Response(status=issuer.status, body=body, headers=issuer.headers, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{tenant}/discovery/v2.0/keys", keys)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        issuer.authority = f"{'https' if tls else 'http'}://localhost:{runner.addresses[0][1]}"
        yield issuer
    finally:
        issuer.may_answer.set()
        await runner.cleanup()
