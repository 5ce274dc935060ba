"""What a configuration may name as a provider is there."""

from typing import get_args

from shared.configuration.model import DeploymentConfig
from shared.providers.registry import PROVIDERS


def test_every_provider_of_the_configuration_is_registered_and_no_other() -> None:
    assert set(PROVIDERS) == set(get_args(DeploymentConfig.model_fields["provider"].annotation))
