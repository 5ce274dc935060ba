"""What a configuration may name as a provider is there."""

import pytest
from pydantic import ValidationError

from shared.configuration.model import DeploymentConfig
from shared.providers.registry import PROVIDERS


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_registered_provider_can_be_configured(name: str) -> None:
    secret_ref = None if PROVIDERS[name].needs_token else "env:KEY"
    config = DeploymentConfig(name="d", provider=name, endpoint="https://e.example", secret_ref=secret_ref)

    assert config.provider == name


def test_no_other_can_and_the_refusal_lists_those_that_there_are() -> None:
    with pytest.raises(ValidationError) as refused:
        DeploymentConfig(name="d", provider="google", endpoint="https://e.example")

    assert all(name in str(refused.value) for name in PROVIDERS)
