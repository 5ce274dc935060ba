import base64
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import HMACAlgorithm

from shared.directory.model import Role
from shared.errors import GatewayError
from shared.identity.errors import (
    IdentityUnavailable,
    TokenAudience,
    TokenExpired,
    TokenIssuer,
    TokenNotMapped,
    TokenRefused,
)
from shared.identity.service import KEPT, KEPT_S, TokenIdentity
from tests.fakes import FakeClock
from tests.peers.issuer import ADA, CLIENT, GATEWAY, ROBOT, TENANT, Issuer, rsa_key
from tests.shared.identity.conftest import OTHER_TENANT, Gateway, KnownKeys

GROUP = "6f1c2a30-0000-4000-8000-0000000000f1"
STRANGER = "6f1c2a30-0000-4000-8000-00000000000e"
MINE = {"user": ADA, "owner": "teams/search"}
ITS = {"app": CLIENT, "owner": "teams/search/applications/crawler"}


async def refusal(identity: TokenIdentity, token: str) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        await identity.identify(token)
    assert identity.cached(token) is None
    assert len(token) < 20 or token not in refused.value.message
    return refused.value


@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_a_person_is_known_by_her_object_id(
    gateway: Gateway, issuer: Issuer, clock: FakeClock, version: str
) -> None:
    ada = await gateway(MINE).identify(issuer.for_person(version))

    assert ada.id == f"entra_{ADA}"
    assert len(ada.id) <= 64
    assert ada.owner == "teams/search"
    assert ada.role is Role.DEVELOPER
    assert ada.expires_at == clock.now() + timedelta(hours=1, seconds=60)
    assert ada.name == "Ada@contoso.example"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_an_application_is_known_by_its_client_id(gateway: Gateway, issuer: Issuer, version: str) -> None:
    robot = await gateway(ITS).identify(issuer.for_application(version))

    assert (robot.id, robot.owner, robot.name) == (f"entra_{CLIENT}", "teams/search/applications/crawler", None)


async def test_an_application_may_be_marked_as_one(gateway: Gateway, issuer: Issuer) -> None:
    token = issuer.for_application(sub="something else", idtyp="app", app_displayname="Crawler")

    assert (await gateway(ITS).identify(token)).name == "Crawler"


async def test_a_mapping_says_what_its_bearers_may_do(gateway: Gateway, issuer: Issuer) -> None:
    mapping = {"role": "Gateway.Admin", "owner": "teams/search", "role_in_gateway": "team_admin"}
    identity = gateway({**mapping, "endpoints": ["chat.*"], "models": ["gpt-*"]})

    admin = await identity.identify(issuer.for_person(roles=["Other", "Gateway.Admin"]))

    assert (admin.role, admin.endpoints, admin.models) == (Role.TEAM_ADMIN, ("chat.*",), ("gpt-*",))


async def test_the_first_mapping_in_the_file_wins(gateway: Gateway, issuer: Issuer) -> None:
    by_role, by_group = {"role": "R", "owner": "teams/role"}, {"group": GROUP, "owner": "teams/group"}
    token = issuer.for_person(roles=["R"], groups=[GROUP])

    assert (await gateway(by_role, by_group).identify(token)).owner == "teams/role"
    assert (await gateway(by_group, by_role).identify(token)).owner == "teams/group"


async def test_users_of_a_team_are_known_under_their_own_names(gateway: Gateway, issuer: Issuer) -> None:
    identity = gateway({"role": "R", "owner": "teams/search", "users_of_team": True})

    async def owner(**claims: Any) -> str:
        return (await identity.identify(issuer.for_person(roles=["R"], **claims))).owner

    assert await owner() == "teams/search/users/ada@contoso.example"
    assert await owner(preferred_username="ada_gmail.com#EXT#@contoso.example") == f"teams/search/users/{ADA}"
    assert await owner(preferred_username=["ada"]) == f"teams/search/users/{ADA}"
    assert await owner(preferred_username="a" * 129) == f"teams/search/users/{ADA}"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
async def test_the_algorithms_of_entra_id_are_taken(gateway: Gateway, issuer: Issuer, algorithm: str) -> None:
    issuer.roll_over("ec-1" if algorithm == "ES256" else "key-1")

    assert (await gateway(MINE).identify(issuer.sign(issuer.person(), algorithm))).id == f"entra_{ADA}"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS512"])
async def test_other_algorithms_are_not_taken(gateway: Gateway, issuer: Issuer, algorithm: str) -> None:
    assert (await refusal(gateway(MINE), issuer.sign(issuer.person(), algorithm))).code == "invalid_token"


async def test_a_token_that_nobody_signed_is_refused(gateway: Gateway, issuer: Issuer) -> None:
    unsigned = jwt.encode(issuer.person(), None, "none", headers={"kid": issuer.signing})

    assert (await refusal(gateway(MINE), unsigned)).code == "invalid_token"


async def test_the_public_key_is_not_taken_for_a_shared_secret(
    gateway: Gateway, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = rsa_key(issuer.signing).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # PyJWT does not lend itself to the attack.
    monkeypatch.setattr(HMACAlgorithm, "prepare_key", lambda self, key: key)
    forged = jwt.encode(issuer.person(), public, "HS256", headers={"kid": issuer.signing})

    assert (await refusal(gateway(MINE), forged)).code == "invalid_token"


async def test_a_key_that_the_tenant_does_not_have_proves_nothing(gateway: Gateway, issuer: Issuer) -> None:
    issuer.signing = "stranger"

    assert (await refusal(gateway(MINE), issuer.for_person())).code == "invalid_token"
    assert (await refusal(gateway(MINE), issuer.sign(issuer.person(), kid="key-1"))).code == "invalid_token"


async def test_a_token_that_was_altered_is_refused(gateway: Gateway, issuer: Issuer) -> None:
    head, _, signature = issuer.for_person().split(".")
    _, claims, _ = issuer.for_person(roles=["Gateway.Admin"]).split(".")
    alternatives = [f"{head}.{claims}.{signature}", f"{head}.{claims}.", f"{head}.{claims}.{signature[:-8]}"]

    assert {(await refusal(gateway(MINE), token)).code for token in alternatives} == {"invalid_token"}


async def test_a_signature_cannot_be_spelled_in_two_ways(gateway: Gateway, issuer: Issuer) -> None:
    token = issuer.for_person()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert base64.urlsafe_b64decode(twin.split(".")[2] + "==") == base64.urlsafe_b64decode(token.split(".")[2] + "==")

    assert (await refusal(gateway(MINE), twin)).code == "invalid_token"


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        ({"aud": "api://other"}, TokenAudience),
        ({"aud": GATEWAY.upper()}, TokenAudience),
        ({"aud": [GATEWAY]}, TokenAudience),
        ({"aud": None}, TokenAudience),
        ({"iss": f"https://login.example/{STRANGER}/v2.0"}, TokenIssuer),
        ({"iss": f"https://login.example/{OTHER_TENANT}/v2.0"}, TokenIssuer),
        ({"iss": f"https://sts.windows.net/{TENANT}/"}, TokenIssuer),
        ({"iss": f"https://login.example/{TENANT}/v2.0/"}, TokenIssuer),
        ({"iss": None}, TokenIssuer),
        ({"tid": STRANGER}, TokenIssuer),
        ({"tid": "common"}, TokenIssuer),
        ({"ver": "3.0"}, TokenRefused),
        ({"ver": "1.0"}, TokenIssuer),
        ({"ver": None}, TokenRefused),
    ],
)
async def test_a_token_for_or_from_somebody_else_is_refused(
    gateway: Gateway, issuer: Issuer, claims: dict[str, Any], kind: type[TokenRefused]
) -> None:
    refused = await refusal(gateway(MINE), issuer.for_person(**claims))

    assert type(refused) is kind
    assert (refused.status, refused.retryable) == (401, False)
    assert not any(isinstance(value, str) and len(value) > 3 and value in refused.message for value in claims.values())


async def test_the_key_of_one_tenant_does_not_speak_for_another(gateway: Gateway, issuer: Issuer) -> None:
    foreign = issuer.for_person(tid=OTHER_TENANT, iss=f"{issuer.authority}/{OTHER_TENANT}/v2.0")

    assert (await refusal(gateway(MINE), foreign)).code == "invalid_token"


async def test_a_token_of_an_unknown_tenant_has_no_key_looked_for(
    gateway: Gateway, issuer: Issuer, keys: KnownKeys
) -> None:
    await refusal(gateway(MINE), issuer.for_person(tid=STRANGER))

    assert keys.asked == 0


async def test_a_token_serves_until_it_expires_and_a_little_longer(
    gateway: Gateway, issuer: Issuer, clock: FakeClock
) -> None:
    identity, token = gateway(MINE, leeway_s=60), issuer.for_person()

    clock.advance(3600 + 59)
    assert (await identity.identify(token)).id == f"entra_{ADA}"
    clock.advance(1)
    assert type(await refusal(identity, token)) is TokenExpired


@pytest.mark.parametrize("name", ["nbf", "iat"])
async def test_a_token_does_not_serve_before_its_time(
    gateway: Gateway, issuer: Issuer, clock: FakeClock, name: str
) -> None:
    token = issuer.for_person(**{name: clock.now().timestamp() + 61})
    early = await refusal(gateway(MINE), token)
    clock.advance(1)

    assert early.code == "invalid_token"
    assert "not valid yet" in early.message
    assert (await gateway(MINE).identify(token)).id == f"entra_{ADA}"


@pytest.mark.parametrize("value", [None, "soon", True, -1, 1e18, 10**30, {}])
async def test_a_token_without_a_proper_end_is_refused(gateway: Gateway, issuer: Issuer, value: object) -> None:
    assert (await refusal(gateway(MINE), issuer.for_person(exp=value))).code == "invalid_token"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    "claims",
    [
        {"azp": None, "appid": None, "scp": None, "roles": ["Gateway.Use"]},
        {"azp": None, "appid": None},
        {"scp": None},
        {"nonce": "n"},
    ],
)
async def test_id_tokens_are_not_access_tokens(
    gateway: Gateway, issuer: Issuer, version: str, claims: dict[str, Any]
) -> None:
    refused = await refusal(gateway(MINE), issuer.for_person(version, **claims))

    assert refused.code == "invalid_token"
    assert "not the ID token" in refused.message


@pytest.mark.parametrize("oid", [None, "ada", f"{ADA}\n", 7])
async def test_a_token_of_nobody_is_refused(gateway: Gateway, issuer: Issuer, oid: object) -> None:
    assert (await refusal(gateway(MINE), issuer.for_person(oid=oid))).code == "invalid_token"


async def test_a_person_does_not_get_what_is_meant_for_the_application_she_uses(
    gateway: Gateway, issuer: Issuer
) -> None:
    refused = await refusal(gateway(ITS), issuer.for_person())

    assert (type(refused), refused.status, refused.code) == (TokenNotMapped, 403, "token_not_mapped")


@pytest.mark.parametrize(
    "claims", [{}, {"roles": "Gateway.Use"}, {"roles": ["Other"]}, {"roles": [["Gateway.Use"]]}, {"roles": {}}]
)
async def test_a_good_token_that_stands_for_nobody_is_a_403(
    gateway: Gateway, issuer: Issuer, claims: dict[str, Any]
) -> None:
    assert type(await refusal(gateway(), issuer.for_person(**claims))) is TokenNotMapped


@pytest.mark.parametrize("claims", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
async def test_who_is_in_too_many_groups_is_told_of_app_roles(
    gateway: Gateway, issuer: Issuer, claims: dict[str, Any]
) -> None:
    by_group = {"group": GROUP, "owner": "teams/search"}
    token = issuer.for_person(**claims)

    assert "app role" in (await refusal(gateway(by_group), token)).message
    assert "app role" not in (await refusal(gateway(), token)).message
    assert (await gateway(by_group, MINE).identify(token)).owner == "teams/search"


async def test_without_the_issuers_keys_nothing_is_said_against_a_token(
    gateway: Gateway, issuer: Issuer, keys: KnownKeys
) -> None:
    keys.is_down = True
    refused = await refusal(gateway(MINE), issuer.for_person())

    assert type(refused) is IdentityUnavailable
    assert (refused.status, refused.code, refused.headers) == (503, "identity_unavailable", {"retry-after": "5"})


async def test_a_token_that_was_good_is_remembered_for_five_minutes(
    gateway: Gateway, issuer: Issuer, clock: FakeClock, keys: KnownKeys
) -> None:
    identity, token = gateway(MINE), issuer.for_person()
    assert identity.cached(token) is None
    ada = await identity.identify(token)

    clock.advance(KEPT_S - 1)
    assert identity.cached(token) is ada
    assert identity.cached(token + "A") is None
    clock.advance(1)
    assert identity.cached(token) is None
    assert keys.asked == 1


async def test_a_token_is_not_remembered_past_its_end(gateway: Gateway, issuer: Issuer, clock: FakeClock) -> None:
    identity, token = gateway(MINE), issuer.for_person(exp=clock.now().timestamp() + 100)
    await identity.identify(token)

    clock.advance(159)
    assert identity.cached(token) is not None
    clock.advance(1)
    assert identity.cached(token) is None


async def test_what_is_remembered_is_bounded_and_the_least_used_goes_first(
    gateway: Gateway, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEPT == 4096
    monkeypatch.setattr("shared.identity.service.KEPT", 2)
    identity = gateway(MINE)
    first, second, third = (issuer.for_person(uti=str(number)) for number in range(3))
    await identity.identify(first)
    await identity.identify(second)
    identity.cached(first)
    await identity.identify(third)

    assert [identity.cached(token) is not None for token in (first, second, third)] == [True, False, True]


async def test_the_token_itself_is_not_kept(gateway: Gateway, issuer: Issuer) -> None:
    identity, token = gateway(MINE), issuer.for_person()
    await identity.identify(token)

    assert token not in repr(vars(identity))
    assert token.split(".")[2] not in repr(vars(identity))


def test_tokens_and_keys_are_told_apart(gateway: Gateway, issuer: Issuer) -> None:
    assert gateway().looks_like_token(issuer.for_person())
    assert not gateway().looks_like_token("sk-123")


async def test_the_service_principal_can_be_named_instead_of_the_application(gateway: Gateway, issuer: Issuer) -> None:
    by_object = {"user": ROBOT, "owner": "teams/search"}

    assert (await gateway(by_object).identify(issuer.for_application())).id == f"entra_{CLIENT}"
