"""A deployment knows what its upstream calls it."""

import pytest

from shared.providers.model import Deployment, Timeouts


@pytest.mark.parametrize(
    ("upstream_name", "model", "name"),
    [("gpt-4o-prod", "gpt-4o", "gpt-4o-prod"), ("{model}", "gpt-4o", "gpt-4o"), ("eu-{model}-1", "o1", "eu-o1-1")],
)
def test_the_name_that_was_asked_for_can_stand_in_the_upstreams_name(upstream_name: str, model: str, name: str) -> None:
    assert Deployment("d", "azure_openai", "https://e", upstream_name).name_for(model) == name


def test_an_answer_is_awaited_for_less_long_than_azure_waits_for_ours() -> None:
    assert Timeouts().first_byte_s < 230
