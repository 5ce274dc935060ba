import asyncio
import logging
import ssl
from collections.abc import AsyncIterator

import orjson
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from shared.adapters.jwks import COOLDOWN_S, FRESH_S, LARGEST, RETRY_S, JwksKeySet, _keys_in
from shared.identity.errors import IdentityUnavailable, TokenRefused
from shared.identity.model import EntraConfig
from shared.identity.service import TokenIdentity
from tests.fakes import FakeClock
from tests.peers.issuer import ADA, GATEWAY, TENANT, Issuer, published_key, serving

OTHER_TENANT = "6f1c2a30-0000-4000-8000-00000000000b"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def issuer(clock: FakeClock) -> AsyncIterator[Issuer]:
    async with serving(clock) as issuer:
        yield issuer


def config_for(issuer: Issuer) -> EntraConfig:
    return EntraConfig.model_validate(
        {
            "tenants": [TENANT, OTHER_TENANT],
            "audiences": [GATEWAY],
            "authority": issuer.authority,
            "mappings": [{"user": ADA, "owner": "teams/search"}],
        }
    )


@pytest.fixture
async def keys(issuer: Issuer, clock: FakeClock) -> AsyncIterator[JwksKeySet]:
    keys = JwksKeySet(config_for(issuer).jwks_url_of, clock)
    yield keys
    await keys.close()


@pytest.fixture
def identity(issuer: Issuer, keys: JwksKeySet, clock: FakeClock) -> TokenIdentity:
    return TokenIdentity(config_for(issuer), keys, clock)


async def test_keys_are_fetched_once_and_kept(keys: JwksKeySet, issuer: Issuer, clock: FakeClock) -> None:
    first = await keys.find(TENANT, "key-1")
    clock.advance(FRESH_S - 1)

    assert first is not None
    assert await keys.find(TENANT, "key-1") is first
    assert issuer.asked == [TENANT]


async def test_tenants_have_keys_of_their_own(keys: JwksKeySet, issuer: Issuer) -> None:
    await keys.find(TENANT, "key-1")
    await keys.find(OTHER_TENANT, "key-1")

    assert issuer.asked == [TENANT, OTHER_TENANT]


async def test_concurrent_callers_share_one_fetch(identity: TokenIdentity, issuer: Issuer) -> None:
    token = issuer.for_person()
    found = await asyncio.gather(*(identity.identify(token) for _ in range(50)))

    assert {caller.id for caller in found} == {f"entra_{ADA}"}
    assert issuer.fetches == 1


async def test_a_rollover_needs_no_restart(identity: TokenIdentity, issuer: Issuer, clock: FakeClock) -> None:
    await identity.identify(issuer.for_person())
    clock.advance(COOLDOWN_S)
    old = issuer.for_person()
    issuer.roll_over("key-2")

    assert (await identity.identify(issuer.for_person())).id == f"entra_{ADA}"
    with pytest.raises(TokenRefused, match="signature"):
        await identity.identify(old)
    assert issuer.fetches == 2


async def test_during_a_rollover_both_keys_serve(identity: TokenIdentity, issuer: Issuer) -> None:
    old = issuer.for_person()
    issuer.roll_over("key-2", keep=True)

    assert (await identity.identify(issuer.for_person())).id == (await identity.identify(old)).id
    assert issuer.fetches == 1


async def test_a_storm_of_made_up_keys_causes_one_fetch(
    identity: TokenIdentity, issuer: Issuer, clock: FakeClock
) -> None:
    await identity.identify(issuer.for_person())
    clock.advance(COOLDOWN_S)
    storm = [issuer.sign(issuer.person(), kid=f"made-up-{number}") for number in range(50)]

    async def is_refused(token: str) -> bool:
        try:
            await identity.identify(token)
        except TokenRefused as refused:
            return refused.code == "invalid_token"
        return False

    assert all(await asyncio.gather(*map(is_refused, storm)))
    clock.advance(COOLDOWN_S - 1)
    assert all([await is_refused(token) for token in storm])
    assert issuer.fetches == 2

    clock.advance(1)
    assert await is_refused(storm[0])
    assert issuer.fetches == 3


async def test_old_keys_serve_while_they_are_renewed(keys: JwksKeySet, issuer: Issuer, clock: FakeClock) -> None:
    old = await keys.find(TENANT, "key-1")
    clock.advance(FRESH_S)
    issuer.may_answer.clear()

    assert await keys.find(TENANT, "key-1") is old
    await issuer.has_been_asked(2)
    issuer.roll_over("key-2")
    issuer.may_answer.set()
    assert await keys.find(TENANT, "key-2") is not None
    assert await keys.find(TENANT, "key-1") is None
    assert issuer.fetches == 2


async def test_known_keys_outlive_their_issuer(keys: JwksKeySet, issuer: Issuer, clock: FakeClock) -> None:
    known = await keys.find(TENANT, "key-1")
    issuer.status = 500

    for fetches in (2, 3, 4):
        clock.advance(FRESH_S)
        assert await keys.find(TENANT, "key-1") is known
        with pytest.raises(IdentityUnavailable):
            await keys.find(TENANT, "unknown")
        assert issuer.fetches == fetches

    issuer.status = 200
    clock.advance(COOLDOWN_S)
    await keys.find(TENANT, "unknown")
    assert await keys.find(TENANT, "key-1") is not None
    assert issuer.fetches == 5


async def test_an_unknown_key_is_not_refused_while_its_issuer_is_down(
    identity: TokenIdentity, issuer: Issuer, clock: FakeClock
) -> None:
    await identity.identify(issuer.for_person())
    clock.advance(COOLDOWN_S)
    issuer.roll_over("key-2")
    issuer.status = 503
    for _ in range(2):
        with pytest.raises(IdentityUnavailable):
            await identity.identify(issuer.for_person())
    assert issuer.fetches == 2

    issuer.status = 200
    clock.advance(COOLDOWN_S)
    assert (await identity.identify(issuer.for_person())).id == f"entra_{ADA}"


async def test_an_outage_at_the_start_is_a_503_and_ends_soon_after(
    identity: TokenIdentity, issuer: Issuer, clock: FakeClock
) -> None:
    issuer.status = 500
    for _ in range(2):
        with pytest.raises(IdentityUnavailable):
            await identity.identify(issuer.for_person())
    assert issuer.fetches == 1

    issuer.status = 200
    clock.advance(RETRY_S)
    assert (await identity.identify(issuer.for_person())).id == f"entra_{ADA}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [1, {}, {"kid": "key-1"}]}',
        b"[" * 2000,
        b'{"keys": [' + b" " * LARGEST + b"]}",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_an_answer_that_holds_no_keys_is_an_outage(
    keys: JwksKeySet, issuer: Issuer, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.body = body

    with caplog.at_level(logging.WARNING), pytest.raises(IdentityUnavailable):
        await keys.find(TENANT, "key-1")

    assert TENANT in caplog.text


async def test_redirects_are_not_followed(keys: JwksKeySet, issuer: Issuer) -> None:
    issuer.status, issuer.headers = 302, {"Location": f"{issuer.authority}/elsewhere/discovery/v2.0/keys"}

    with pytest.raises(IdentityUnavailable):
        await keys.find(TENANT, "key-1")

    assert issuer.asked == [TENANT]


async def test_an_issuer_that_does_not_answer_is_not_waited_for(issuer: Issuer, clock: FakeClock) -> None:
    issuer.may_answer.clear()
    keys = JwksKeySet(config_for(issuer).jwks_url_of, clock, patience_s=0.05)

    with pytest.raises(IdentityUnavailable):
        await keys.find(TENANT, "key-1")

    await keys.close()


async def test_an_issuer_that_cannot_be_reached_is_an_outage(clock: FakeClock) -> None:
    keys = JwksKeySet(lambda tenant: f"http://127.0.0.1:1/{tenant}", clock)

    with pytest.raises(IdentityUnavailable):
        await keys.find(TENANT, "key-1")

    await keys.close()


async def test_closing_ends_a_fetch_under_way(keys: JwksKeySet, issuer: Issuer) -> None:
    issuer.may_answer.clear()
    waiting = asyncio.create_task(keys.find(TENANT, "key-1"))
    await issuer.has_been_asked(1)

    await keys.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_the_issuer_must_prove_who_it_is(clock: FakeClock, is_trusted: bool) -> None:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    if is_trusted:
        authority.configure_trust(client)

    async with serving(clock, server) as issuer:
        keys = JwksKeySet(config_for(issuer).jwks_url_of, clock, tls=client)
        if is_trusted:
            assert await keys.find(TENANT, "key-1") is not None
        else:
            with pytest.raises(IdentityUnavailable):
                await keys.find(TENANT, "key-1")
        await keys.close()


async def test_only_keys_for_signatures_of_the_known_kinds_are_taken(keys: JwksKeySet, issuer: Issuer) -> None:
    good = published_key("key-1")
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    issuer.published = ["key-1", "ec-1"]
    issuer.extra = [
        {"kid": "secret", "kty": "oct", "k": "c2VjcmV0"},
        {**good, "kid": "for-encryption", "use": "enc"},
        {**good, "kid": "other-algorithm", "alg": "RS512"},
        {**good, "kid": "odd-algorithm", "alg": ["RS256"]},
        {**good, "kid": "broken", "n": "?"},
        {**RSAAlgorithm.to_jwk(short, as_dict=True), "kid": "short"},
        {**published_key("ec-1"), "kid": "other-curve", "crv": "P-521"},
    ]

    found = {kid: await keys.find(TENANT, kid) for kid in ("key-1", "ec-1", *(extra["kid"] for extra in issuer.extra))}

    assert {kid: key.algorithms for kid, key in found.items() if key} == {
        "key-1": {"RS256", "PS256"},
        "ec-1": {"ES256"},
    }


async def test_a_key_that_names_its_algorithm_serves_no_other(keys: JwksKeySet, issuer: Issuer) -> None:
    issuer.published = []
    issuer.extra = [{**published_key("key-1"), "alg": "PS256"}]
    key = await keys.find(TENANT, "key-1")

    assert key is not None
    assert key.payload_of(issuer.sign({"a": 1}, "PS256"), "PS256") == b'{"a": 1}'
    assert key.payload_of(issuer.sign({"a": 1}, "RS256"), "RS256") is None
    assert key.payload_of(issuer.sign({"a": 1}, "RS256"), "PS256") is None


MEMBERS = st.sampled_from(["kid", "kty", "n", "e", "crv", "x", "y", "use", "alg", "d", "k"])
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 9)
    | st.text(max_size=9)
    | st.lists(st.none(), max_size=1)
    | st.sampled_from(["RSA", "EC", "oct", "P-256", "AQAB", "sig", "RS256", "key-1"])
)


@given(st.lists(st.dictionaries(MEMBERS, VALUES) | VALUES, max_size=3), st.dictionaries(MEMBERS, VALUES, max_size=2))
def test_odd_keys_do_not_spoil_the_good_ones(odd: list[object], change: dict[str, object]) -> None:
    good = published_key("key-1")
    body = orjson.dumps(
        {"keys": [*odd, {**good, **change}, {**good, "kid": "good"}, {**published_key("ec-1"), **change}]}
    )

    assert "good" in _keys_in(body)
