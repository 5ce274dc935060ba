from pathlib import Path

import pytest

from shared.adapters.cosmos_documents import CosmosDocuments
from shared.adapters.local_queue import LocalQueue
from shared.adapters.service_bus import ServiceBusPublisher
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.bootstrap import build_runtime
from shared.keys.errors import KeyUnknown
from shared.providers.port import SecretUnavailable
from shared.settings import Settings

CONFIG = """
version: 1
deployments: [{name: a, endpoint: "https://a.example"}]
routes: [{alias: gpt-4o, targets: [{deployment: a}]}]
teams: [{id: t}]
keys: [{id: vk_t, owner: teams/t, secret_ref: "env:KEY"}]
"""
AZURE = {
    "WEBSITE_POD_NAME": "1",
    "TOLLGATE_PEPPER_REF": "env:PEPPER",
    "PEPPER": "pepper of thirty-two characters!!",
    "ServiceBusConnection__fullyQualifiedNamespace": "contoso.servicebus.windows.net",
    "TOLLGATE_COSMOS_ENDPOINT": "https://contoso.documents.azure.com",
}


def settings(tmp_path: Path, **more: str) -> Settings:
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    return Settings.from_environment(
        {"TOLLGATE_CONFIG": str(config), "TOLLGATE_DATA": str(tmp_path / "data"), "KEY": "sk-one", **more}
    )


async def test_on_one_machine_state_is_in_files(tmp_path: Path) -> None:
    runtime = await build_runtime(settings(tmp_path))

    assert isinstance(runtime.documents, SqliteDocuments)
    assert isinstance(runtime.events, LocalQueue)
    assert (await runtime.callers.identify({"api-key": "sk-one"}, "")).id == "vk_t"
    await runtime.close()


async def test_in_azure_state_is_shared(tmp_path: Path) -> None:
    runtime = await build_runtime(settings(tmp_path, **AZURE))

    assert isinstance(runtime.documents, CosmosDocuments)
    assert isinstance(runtime.events, ServiceBusPublisher)
    await runtime.close()


async def test_the_pepper_of_one_machine_is_kept_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    for _ in range(2):
        runtime = await build_runtime(settings(tmp_path))
        assert (await runtime.callers.identify({"api-key": "sk-one"}, "")).team == "t"
        await runtime.close()

    pepper = tmp_path / "data" / "pepper"
    assert pepper.stat().st_mode & 0o077 == 0
    assert len(pepper.read_text()) == 64


async def test_no_key_is_kept_in_the_clear(tmp_path: Path) -> None:
    runtime = await build_runtime(settings(tmp_path))

    assert "sk-one" not in repr([vars(runtime.callers), vars(runtime.directory), runtime.administration])
    with pytest.raises(KeyUnknown):
        await runtime.callers.identify({"api-key": "sk-two"}, "")
    await runtime.close()


async def test_a_key_that_does_not_resolve_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="env:KEY"):
        await build_runtime(settings(tmp_path, KEY=""))


async def test_a_pepper_that_is_too_short_to_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pepper").touch()

    with pytest.raises(SecretUnavailable, match="fewer than 32"):
        await build_runtime(settings(tmp_path))
