"""Names by the presets and by patterns are legal in Azure and unique where they have to be."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.infra.deployed import ENVIRONMENTS, INFRA, resources, workspace
from tests.infra.evaluation import Evaluator

PRESETS = ("org-env-project-type-loc", "type-service-env-loc")

# What Azure allows, by the type of the resource.
LEGAL = {
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
    "Microsoft.DocumentDB/databaseAccounts": r"[a-z0-9][a-z0-9-]{1,42}[a-z0-9]",
    "Microsoft.ServiceBus/namespaces": r"(?!.*-(sb|mgmt)$)[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]",
    "Microsoft.Web/sites": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
    "Microsoft.Web/serverfarms": r"[a-zA-Z0-9-]{1,60}",
    "Microsoft.CognitiveServices/accounts": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,62}[a-zA-Z0-9]",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
    "Microsoft.Resources/resourceGroups": r"[\w.()-]{0,89}[\w()-]",
}
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=2, max_size=12).filter(lambda word: word[0].isalpha())


KINDS = {
    "identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "workspace": "Microsoft.OperationalInsights/workspaces",
    "plan": "Microsoft.Web/serverfarms",
    "app": "Microsoft.Web/sites",
    "cosmos": "Microsoft.DocumentDB/databaseAccounts",
    "serviceBus": "Microsoft.ServiceBus/namespaces",
    "openAi": "Microsoft.CognitiveServices/accounts",
    "vault": "Microsoft.KeyVault/vaults",
    "hostStorage": "Microsoft.Storage/storageAccounts",
    "reportsStorage": "Microsoft.Storage/storageAccounts",
}


def named(function: str, *arguments: Any) -> Any:
    """Call a function of naming.bicep."""
    template = workspace().template(INFRA / "naming.bicep")
    declaration = template.of("func")[function]
    names = (str(each.key) for each in declaration.parameters)
    return Evaluator(workspace(), template, {}).value(declaration.value, dict(zip(names, arguments, strict=True)))


def context(
    pattern: str, org: str = "contoso", project: str = "tollgate", location: str = "swedencentral"
) -> dict[str, str]:
    return {
        "pattern": pattern,
        "org": org,
        "env": "prod",
        "project": project,
        "location": location,
        "seed": "subscription",
    }


def test_the_presets_are_what_they_are_called() -> None:
    assert named("nameOf", context(PRESETS[0]), "func") == "contoso-prod-tollgate-func-sdc"
    assert named("nameOf", context(PRESETS[1]), "func") == "func-tollgate-prod-sdc"
    assert named("nameOf", context("{project}-{type}-x"), "func") == "tollgate-func-x"


@settings(max_examples=60)
@given(
    org=st.text("ab-", min_size=2, max_size=12),
    project=st.text("cd-", min_size=2, max_size=12),
    pattern=st.sampled_from((*PRESETS, "--{org}--{type}-", "{type}---{service}{loc}--")),
    longest=st.integers(12, 60),
)
def test_no_name_has_two_dashes_in_a_row_or_one_at_an_end(org: str, project: str, pattern: str, longest: int) -> None:
    names = [
        named("nameOf", context(pattern, org, project), "func"),
        named("globalNameOf", context(pattern, org, project), "func", longest),
    ]

    assert [name for name in names if "--" in name or name.strip("-") != name] == []
    assert len(names[1]) <= longest


@pytest.mark.parametrize("location", ["swedencentral", "Sweden Central"])
def test_a_region_is_known_by_both_its_names(location: str) -> None:
    assert named("nameOf", context(PRESETS[1], location=location), "func") == "func-tollgate-prod-sdc"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_all_names_are_legal(environment: str) -> None:
    assert [
        (each.type, each.body["name"])
        for each in resources(environment)
        if each.type in LEGAL and not re.fullmatch(LEGAL[each.type], str(each.body["name"]))
    ] == []


@settings(max_examples=60)
@given(org=WORD, project=WORD, pattern=st.sampled_from(PRESETS))
def test_names_are_legal_whatever_the_organization_and_the_project_are_called(
    org: str, project: str, pattern: str
) -> None:
    names = named("namesOf", context(pattern, org, project), True)

    assert {kind: names[kind] for kind, type_ in KINDS.items() if not re.fullmatch(LEGAL[type_], names[kind])} == {}
    assert len(set(names.values())) == len(names), "two kinds of resource share a name"
