import base64
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.errors import TokenRefused
from shared.identity.token import LONGEST, Unverified, looks_like_token
from shared.keys.model import mint

HEADER = {"alg": "RS256", "kid": "k", "typ": "JWT"}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(header: object = HEADER, claims: object = None) -> str:
    return f"{part(header)}.{part({'tid': 'T'} if claims is None else claims)}.c2lnbmF0dXJl"


@pytest.mark.parametrize("secret", [token(), token({"alg": "none"}), f"{part(HEADER)}.e30."])
def test_tokens_are_told_by_their_form(secret: str) -> None:
    assert looks_like_token(secret)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "sk-123",
        mint(),
        "a.b.c",
        "..",
        "www.contoso.example",
        f"{part({'typ': 'JWT'})}.e30.c2ln",
        f"{part([1])}.e30.c2ln",
        f"{part(HEADER)}.e30",
        f"{part(HEADER)}.e30.c2ln.x",
        f"{part(HEADER)}.e30.c2ln=",
        f" {token()}",
        f"{token()}\n",
        f"{part({'alg': 'x' * 4000})}.e30.c2ln",
        "é.é.é",
        "\ud800.a.b",
    ],
)
def test_keys_and_other_text_are_not_tokens(secret: str) -> None:
    assert not looks_like_token(secret)


def test_an_unverified_token_says_which_key_may_prove_it() -> None:
    assert Unverified.of(token()) == Unverified("RS256", "k", "t")


@pytest.mark.parametrize(
    "broken",
    [
        token({**HEADER, "alg": "none"}),
        token({**HEADER, "alg": "HS256"}),
        token({**HEADER, "alg": "RS512"}),
        token({**HEADER, "alg": ["RS256"]}),
        token({"alg": "RS256"}),
        token({**HEADER, "kid": 5}),
        token({**HEADER, "crit": ["exp"]}),
        token({**HEADER, "b64": False, "crit": ["b64"]}),
        token(claims={}),
        token(claims={"tid": 1}),
        token(claims=[]),
        token(claims=b"{"),
        token(claims=b"[" * 5000),
        token(claims=b'{"tid": NaN}'),
        token(claims={"tid": "t", "x": "x" * LONGEST}),
        "",
    ],
)
def test_what_entra_id_would_not_write_is_refused_before_anything_is_fetched(broken: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        Unverified.of(broken)

    assert (refused.value.status, refused.value.code) == (401, "invalid_token")


VALUES = (
    st.none() | st.integers(-5, 5) | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2) | st.just("RS256")
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit"]), VALUES)


@given(st.one_of(st.text(), st.binary().map(part), HEADERS.map(token)))
def test_whatever_is_sent_only_what_has_the_form_of_a_token_gets_further(text: str) -> None:
    found = None
    with suppress(TokenRefused):
        found = Unverified.of(text)

    assert found is None or (found.algorithm == "RS256" and looks_like_token(text))
