import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.entra import EntraTokens, credentials
from shared.clock import SystemClock
from shared.providers.port import CredentialUnavailable
from tests.fakes import FakeClock
from tests.peers.identity import ManagedIdentityPeer, managed_identity

SCOPE = "https://cognitiveservices.azure.com/.default"


class Token(NamedTuple):
    token: str
    expires_on: int


class Tenant:
    """Issues token-1, token-2 … to every credential made here."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.lifetime_s = 3600
        self.issued = 0
        self.open = 0
        self.failure: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def credential(self, client_id: str | None) -> "FakeCredential":
        self.open += 1
        return FakeCredential(self, client_id)

    async def issue(self, client_id: str | None) -> Token:
        await self.may_answer.wait()
        if self.failure:
            raise self.failure
        self.issued += 1
        return Token(f"token-{self.issued}-{client_id}", int(self._clock.now().timestamp()) + self.lifetime_s)


@dataclass
class FakeCredential:
    tenant: Tenant
    client_id: str | None

    async def get_token(self, *scopes: str) -> Token:
        return await self.tenant.issue(self.client_id)

    async def close(self) -> None:
        self.tenant.open -= 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def tenant(clock: FakeClock) -> Tenant:
    return Tenant(clock)


@pytest.fixture
async def tokens(clock: FakeClock, tenant: Tenant) -> AsyncIterator[EntraTokens]:
    tokens = EntraTokens(
        clock, in_azure=False, has_identity_endpoint=False, credential_factory=tenant.credential, patience_s=0.05
    )
    yield tokens
    await tokens.close()
    assert tenant.open == 0


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_token_is_fetched_once_and_kept(tokens: EntraTokens, tenant: Tenant, clock: FakeClock) -> None:
    assert tokens.cached(SCOPE) is None
    assert await tokens.bearer(SCOPE) == "token-1-None"
    clock.advance(2999)

    assert tokens.cached(SCOPE) == "token-1-None"
    assert await tokens.bearer(SCOPE) == "token-1-None"
    assert tenant.issued == 1


async def test_scopes_and_identities_have_tokens_of_their_own(tokens: EntraTokens) -> None:
    assert await tokens.bearer(SCOPE) == "token-1-None"
    assert await tokens.bearer("another scope") == "token-2-None"
    assert await tokens.bearer(SCOPE, "client") == "token-3-client"
    assert await tokens.bearer(SCOPE) == "token-1-None"


async def test_concurrent_callers_share_one_fetch(tokens: EntraTokens, tenant: Tenant) -> None:
    assert set(await asyncio.gather(*(tokens.bearer(SCOPE) for _ in range(50)))) == {"token-1-None"}
    assert tenant.issued == 1


async def test_a_caller_who_leaves_does_not_take_the_fetch_away(tokens: EntraTokens, tenant: Tenant) -> None:
    tenant.may_answer.clear()
    leaving, staying = (asyncio.create_task(tokens.bearer(SCOPE)) for _ in range(2))
    await settled()
    leaving.cancel()
    await settled()
    tenant.may_answer.set()

    assert await staying == "token-1-None"


async def test_a_token_still_serves_while_it_is_renewed_in_time(
    tokens: EntraTokens, tenant: Tenant, clock: FakeClock
) -> None:
    await tokens.bearer(SCOPE)
    clock.advance(3000)
    assert tokens.cached(SCOPE) is None
    assert await tokens.bearer(SCOPE) == "token-1-None"
    await settled()

    assert tokens.cached(SCOPE) == "token-2-None"


async def test_a_failed_renewal_is_tried_again_by_the_next_caller(
    tokens: EntraTokens, tenant: Tenant, clock: FakeClock
) -> None:
    await tokens.bearer(SCOPE)
    clock.advance(3100)
    tenant.failure = ClientAuthenticationError("no")
    assert await tokens.bearer(SCOPE) == "token-1-None"
    await settled()
    tenant.failure = None
    assert await tokens.bearer(SCOPE) == "token-1-None"
    await settled()

    assert await tokens.bearer(SCOPE) == "token-2-None"


async def test_a_token_is_never_handed_out_in_its_last_minute(
    tokens: EntraTokens, tenant: Tenant, clock: FakeClock
) -> None:
    await tokens.bearer(SCOPE)
    tenant.failure = ClientAuthenticationError("no")
    clock.advance(3539)
    assert await tokens.bearer(SCOPE) == "token-1-None"
    await settled()
    clock.advance(1)

    with pytest.raises(CredentialUnavailable):
        await tokens.bearer(SCOPE)
    tenant.failure = None
    assert await tokens.bearer(SCOPE) == "token-2-None"


async def test_a_short_lived_token_is_not_renewed_at_every_call(
    tokens: EntraTokens, tenant: Tenant, clock: FakeClock
) -> None:
    tenant.lifetime_s = 300
    await tokens.bearer(SCOPE)
    clock.advance(100)
    assert tokens.cached(SCOPE) == "token-1-None"
    clock.advance(100)
    await tokens.bearer(SCOPE)
    await settled()

    assert tokens.cached(SCOPE) == "token-2-None"


async def test_a_token_that_is_about_to_expire_when_it_comes_is_not_used(tokens: EntraTokens, tenant: Tenant) -> None:
    tenant.lifetime_s = 60

    with pytest.raises(CredentialUnavailable):
        await tokens.bearer(SCOPE)


async def test_a_refused_token_is_forgotten(tokens: EntraTokens) -> None:
    refused = await tokens.bearer(SCOPE)
    tokens.invalidate("an older token", SCOPE)
    assert tokens.cached(SCOPE) == refused

    tokens.invalidate(refused, SCOPE)
    tokens.invalidate("token", "unknown")

    assert tokens.cached(SCOPE) is None
    assert await tokens.bearer(SCOPE) == "token-2-None"


async def test_an_identity_service_that_hangs_is_unavailable(tokens: EntraTokens, tenant: Tenant) -> None:
    tenant.may_answer.clear()

    with pytest.raises(CredentialUnavailable, match="Timeout"):
        await tokens.bearer(SCOPE)


async def test_closing_ends_a_fetch_that_is_under_way(tokens: EntraTokens, tenant: Tenant) -> None:
    tenant.may_answer.clear()
    waiting = asyncio.create_task(tokens.bearer(SCOPE))
    await settled()
    await tokens.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_the_machine_decides_the_kind_of_credential() -> None:
    assert type(credentials(managed_identity=True)("client")).__name__ == "ManagedIdentityCredential"
    assert type(credentials(managed_identity=False)(None)).__name__ == "DefaultAzureCredential"


@pytest.fixture
async def identity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ManagedIdentityPeer]:
    async with managed_identity("client") as peer:
        monkeypatch.setenv("IDENTITY_ENDPOINT", peer.endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", peer.header)
        yield peer


@pytest.fixture
async def azure() -> AsyncIterator[EntraTokens]:
    tokens = EntraTokens(SystemClock(), in_azure=False, has_identity_endpoint=True)
    yield tokens
    await tokens.close()


async def test_the_managed_identity_gives_tokens(azure: EntraTokens, identity: ManagedIdentityPeer) -> None:
    assert await azure.bearer(SCOPE) == "token-1-system"
    assert await azure.bearer(SCOPE, "client") == "token-2-client"
    assert azure.cached(SCOPE) == "token-1-system"
    assert identity.requests == [
        {"api-version": "2019-08-01", "resource": "https://cognitiveservices.azure.com"},
        {"api-version": "2019-08-01", "resource": "https://cognitiveservices.azure.com", "client_id": "client"},
    ]


async def test_a_refused_token_is_really_fetched_anew(azure: EntraTokens, identity: ManagedIdentityPeer) -> None:
    azure.invalidate(await azure.bearer(SCOPE), SCOPE)

    assert await azure.bearer(SCOPE) == "token-2-system"
    assert len(identity.requests) == 2


async def test_an_unknown_identity_is_unavailable(
    azure: EntraTokens, identity: ManagedIdentityPeer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        await azure.bearer(SCOPE, "stranger")

    assert str(caught.value) == "ClientAuthenticationError"
    assert SCOPE in caplog.text
