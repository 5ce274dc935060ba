"""What the evaluator says that a template asks for."""

from pathlib import Path

import pytest

from tests.infra.azure_types import AzureTypes
from tests.infra.evaluation import EvaluationFailed, Evaluator, deployment
from tests.infra.workspace import Workspace

GOOD = Path(__file__).with_name("templates")


def evaluated() -> Evaluator:
    return deployment(Workspace(AzureTypes.load()), GOOD / "good.bicepparam")


def test_conditions_loops_and_nested_resources_are_followed() -> None:
    found = [(each.reference.split("@")[0], each.body["name"]) for each in evaluated().resources() if not each.existing]

    assert found == [
        ("Microsoft.KeyVault/vaults", "kv-prod"),
        ("Microsoft.KeyVault/vaults/secrets", "pepper"),
        ("Microsoft.ServiceBus/namespaces", found[2][1]),
        ("Microsoft.ServiceBus/namespaces/queues", "a10.0.0.0/24"),
        ("Microsoft.ServiceBus/namespaces/queues", "b10.0.0.0/24"),
    ]


def test_values_are_those_of_the_parameter_file_with_the_defaults() -> None:
    vault = next(evaluated().resources())

    assert vault.properties["publicNetworkAccess"] == "Disabled"
    assert vault.properties["sku"] == {"family": "A", "name": "standard"}
    assert vault.properties["enablePurgeProtection"] is True
    assert '"PROD":"yes"' in vault.body["tags"]["settings"]
    assert "it's ${x} \U0001f600" in vault.body["tags"]["list"]


def test_outputs_of_modules_and_what_only_azure_knows() -> None:
    evaluator = evaluated()

    assert evaluator.output("peerNames") == ["swedencentral-3-large"]
    assert evaluator.output("peerName") == "kv-other", "the module is not deployed, so the other name stands"
    assert evaluator.output("address") == "<<vault.properties.vaultUri>>"


def test_what_cannot_be_evaluated_is_said(tmp_path: Path) -> None:
    (tmp_path / "main.bicep").write_text("output a string = fail('not like this')\n")
    (tmp_path / "main.bicepparam").write_text("using 'main.bicep'\n")

    with pytest.raises(EvaluationFailed, match="not like this"):
        deployment(Workspace(AzureTypes.load()), tmp_path / "main.bicepparam").output("a")
