"""What may be written in the file."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.configuration.model import DeploymentConfig, KeyConfig, RouteConfig
from shared.directory.model import Policy
from shared.fields import is_loopback


@pytest.mark.parametrize(
    "ref", ["env:KEY", "env:_k9", "kv://my-vault/name", "kv://vault/name/0123456789abcdef0123456789abcdef"]
)
def test_a_secret_ref_says_where_and_not_what(ref: str) -> None:
    assert KeyConfig(id="vk_1", owner="teams/t", secret_ref=ref).secret_ref == ref


@pytest.mark.parametrize(
    "ref",
    [
        "KEY",
        "env:",
        "env:9K",
        "env:A B",
        "env:KEY\n",
        "kv://v/name",
        "kv://vault",
        "kv://vault/a/b/c",
        "kv://9VAULT/n",
        "https://v/n",
    ],
)
def test_anything_else_is_not_a_secret_ref(ref: str) -> None:
    with pytest.raises(ValidationError):
        KeyConfig(id="vk_1", owner="teams/t", secret_ref=ref)


@pytest.mark.parametrize(
    "scope", ["https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default", "api://x/.default"]
)
def test_a_scope_is_one_that_entra_gives_tokens_for(scope: str) -> None:
    assert DeploymentConfig(name="d", endpoint="https://e.example", scope=scope).scope == scope


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.255.254", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@given(st.text(max_size=20) | st.ip_addresses(v=4, network="128.0.0.0/1").map(str))
def test_any_other_host_is_not(host: str) -> None:
    assert is_loopback(host) is (host in ("localhost", "::1") or host.startswith("127."))


def test_a_configuration_cannot_be_changed() -> None:
    route = RouteConfig.model_validate({"alias": "a", "targets": [{"deployment": "d"}]})

    with pytest.raises(ValidationError):
        route.alias = "b"


@pytest.mark.parametrize("version", ["2024-10-21", "2025-04-01-preview", "v1", "preview", date(2024, 10, 21)])
def test_an_api_version_may_be_written_without_quotes(version: str | date) -> None:
    deployment = {"name": "d", "endpoint": "https://e.example", "api_version": version}

    assert DeploymentConfig.model_validate(deployment).api_version == str(version)


@pytest.mark.parametrize("field", ["rate_limits", "quotas"])
def test_two_limits_of_one_kind_are_refused(field: str) -> None:
    limit = {"unit": "requests", "limit": 1} if field == "rate_limits" else {"tokens": 1}

    with pytest.raises(ValidationError, match="two of the same kind"):
        Policy.model_validate({"id": "pol_a", "scope": "organization", field: [limit, limit]})


def test_off_need_not_be_quoted() -> None:
    assert Policy.model_validate({"id": "pol_a", "scope": "organization", "mode": False}).mode == "off"
