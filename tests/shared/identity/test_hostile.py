"""Whatever is sent as a token, the answer is an identity or a refusal."""

import asyncio
import base64
import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.identity.errors import TokenRefused
from shared.identity.model import EntraConfig
from shared.identity.service import TokenIdentity
from tests.fakes import FakeClock
from tests.peers.issuer import ADA, CLIENT, GATEWAY, TENANT, Issuer
from tests.shared.identity.conftest import KnownKeys

ISSUER = Issuer(FakeClock())
GOOD = ISSUER.person()
TOKEN = ISSUER.sign(GOOD)
NAMES = [*GOOD, "roles", "groups", "_claim_names", "hasgroups", "idtyp", "nonce", "upn", "app_displayname"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def identity() -> TokenIdentity:
    config = EntraConfig.model_validate(
        {
            "tenants": [TENANT],
            "audiences": [GATEWAY],
            "authority": ISSUER.authority,
            "mappings": [
                {"role": "R", "owner": "teams/a", "users_of_team": True},
                {"group": ADA, "owner": "teams/b"},
                {"app": CLIENT, "owner": "teams/c"},
                {"user": ADA, "owner": "teams/d", "users_of_team": True},
            ],
        }
    )
    return TokenIdentity(config, KnownKeys(ISSUER), FakeClock())


def outcome(token: str) -> str:
    """The owner, or the code of the refusal; anything else that is raised fails the test."""
    judge = identity()
    judge.looks_like_token(token)
    judge.cached(token)
    try:
        return asyncio.run(judge.identify(token)).owner
    except TokenRefused as refused:
        return str(refused.code)


@settings(max_examples=200)
@given(st.one_of(st.text(), st.text(alphabet="abcAB01-_.= ", max_size=60), st.characters(categories=["Cs"])))
def test_text_is_refused(text: str) -> None:
    assert outcome(text) == "invalid_token"


@settings(max_examples=100)
@given(st.integers(0, len(TOKEN) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_no_character_of_a_token_can_be_changed(place: int, character: str) -> None:
    assume(TOKEN[place] != character)

    assert outcome(TOKEN[:place] + character + TOKEN[place + 1 :]) in ("invalid_token", "token_issuer")


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4))
def test_whatever_the_issuer_signs_is_judged(claims: dict[str, Any]) -> None:
    result = outcome(ISSUER.sign({**GOOD, **claims}))

    assert result == "invalid_token" or result.startswith(("teams/", "token_"))


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(["kid", "alg", "typ", "crit", "b64", "x5c", "jku", "jwk"]), JSON, max_size=3))
def test_whatever_the_header_says_only_the_tenants_keys_count(header: dict[str, Any]) -> None:
    _, claims, signature = TOKEN.split(".")
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()

    assert outcome(f"{head}.{claims}.{signature}") == "invalid_token"


def test_the_token_that_is_tampered_with_is_good() -> None:
    assert outcome(TOKEN) == "teams/d/users/ada@contoso.example"
