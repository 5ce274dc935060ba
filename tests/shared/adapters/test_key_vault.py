import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from azure.keyvault.secrets.aio import SecretClient

from shared.adapters.key_vault import SecretResolver
from shared.providers.port import SecretUnavailable
from tests.fakes import FakeClock
from tests.peers.identity import KeyVaultPeer, ManagedIdentityPeer, key_vault, managed_identity

VERSION = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def identity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ManagedIdentityPeer]:
    async with managed_identity() as peer:
        monkeypatch.setenv("IDENTITY_ENDPOINT", peer.endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", peer.header)
        yield peer


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def vault(identity: ManagedIdentityPeer, authority: trustme.CA) -> AsyncIterator[KeyVaultPeer]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    async with key_vault(identity, tls) as peer:
        yield peer


@pytest.fixture
async def secrets(
    vault: KeyVaultPeer, authority: trustme.CA, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[SecretResolver]:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def client(vault_url: str, credential: Any) -> SecretClient:
        assert vault_url == "https://my-vault.vault.azure.net"
        return SecretClient(
            vault.url,
            credential,
            connection_verify=str(tmp_path / "ca.pem"),
            verify_challenge_resource=False,
            retry_total=0,
        )

    secrets = SecretResolver(
        {"UPSTREAM_KEY": "from the environment"}, in_azure=True, clock=clock, client_factory=client
    )
    yield secrets
    await secrets.close()


async def test_a_secret_comes_from_the_environment() -> None:
    secrets = SecretResolver({"UPSTREAM_KEY": "value"}, in_azure=False)

    assert (await secrets.resolve("env:UPSTREAM_KEY")).reveal() == "value"


@pytest.mark.parametrize("environment", [{}, {"UPSTREAM_KEY": ""}])
async def test_a_variable_that_is_not_set_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(SecretUnavailable, match="env:UPSTREAM_KEY: the environment variable is not set"):
        await SecretResolver(environment, in_azure=False).resolve("env:UPSTREAM_KEY")


@pytest.mark.parametrize(
    "ref",
    [
        "sk-something-secret",
        "kv://only-a-vault",
        "kv://vault/name/version/more",
        "kv://evil.example.com#/name",
        "kv://evil.example.com/name",
        "kv://vault/na me",
        "https://vault.vault.azure.net/secrets/name",
        "",
    ],
)
async def test_what_is_no_reference_is_refused_and_not_repeated(ref: str) -> None:
    with pytest.raises(SecretUnavailable, match="neither env:NAME nor kv://vault/name") as caught:
        await SecretResolver({}, in_azure=False).resolve(ref)

    assert not ref or ref not in str(caught.value)


async def test_a_secret_comes_from_its_vault(secrets: SecretResolver, vault: KeyVaultPeer) -> None:
    vault.values = {"upstream": "newest", f"upstream/{VERSION}": "old"}

    assert (await secrets.resolve("kv://my-vault/upstream")).reveal() == "newest"
    assert (await secrets.resolve(f"kv://my-vault/upstream/{VERSION}")).reveal() == "old"
    assert (await secrets.resolve("env:UPSTREAM_KEY")).reveal() == "from the environment"


async def test_a_secret_is_kept_for_five_minutes(
    secrets: SecretResolver, vault: KeyVaultPeer, clock: FakeClock
) -> None:
    vault.values["upstream"] = "first"
    await secrets.resolve("kv://my-vault/upstream")
    vault.values["upstream"] = "second"
    clock.advance(299)
    assert (await secrets.resolve("kv://my-vault/upstream")).reveal() == "first"
    clock.advance(1)

    assert (await secrets.resolve("kv://my-vault/upstream")).reveal() == "second"


async def test_a_refused_secret_is_read_again(secrets: SecretResolver, vault: KeyVaultPeer) -> None:
    vault.values["upstream"] = "first"
    await secrets.resolve("kv://my-vault/upstream")
    vault.values["upstream"] = "second"
    secrets.invalidate("kv://my-vault/upstream")
    secrets.invalidate("kv://my-vault/unknown")

    assert (await secrets.resolve("kv://my-vault/upstream")).reveal() == "second"


async def test_concurrent_callers_share_one_look_into_the_vault(secrets: SecretResolver, vault: KeyVaultPeer) -> None:
    vault.values["upstream"] = "value"
    found = await asyncio.gather(*(secrets.resolve("kv://my-vault/upstream") for _ in range(20)))

    assert {secret.reveal() for secret in found} == {"value"}
    assert vault.reads == ["upstream"]


async def test_a_missing_secret_is_named(secrets: SecretResolver) -> None:
    with pytest.raises(SecretUnavailable, match="kv://my-vault/nothing: there is no such secret"):
        await secrets.resolve("kv://my-vault/nothing")


async def test_an_empty_secret_is_unavailable(secrets: SecretResolver, vault: KeyVaultPeer) -> None:
    vault.values["upstream"] = ""

    with pytest.raises(SecretUnavailable, match="empty"):
        await secrets.resolve("kv://my-vault/upstream")


async def test_a_vault_that_forbids_is_unavailable_until_it_allows(
    secrets: SecretResolver, vault: KeyVaultPeer
) -> None:
    vault.values["upstream"] = "hidden value"
    vault.is_forbidden = True
    with pytest.raises(SecretUnavailable, match="did not give it") as caught:
        await secrets.resolve("kv://my-vault/upstream")
    vault.is_forbidden = False

    assert "hidden value" not in str(caught.value)
    assert (await secrets.resolve("kv://my-vault/upstream")).reveal() == "hidden value"


async def test_without_an_identity_the_vault_is_unavailable(
    secrets: SecretResolver, identity: ManagedIdentityPeer
) -> None:
    identity.header = "another"

    with pytest.raises(SecretUnavailable, match="did not give it"):
        await secrets.resolve("kv://my-vault/upstream")
