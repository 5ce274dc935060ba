"""What is deployed is closed: no keys, no passwords and, in staging and prod, no public address."""

import re
from typing import Any

import pytest

from tests.infra.deployed import ENVIRONMENTS, INFRA, of_type, resources, values, workspace
from tests.infra.evaluation import deployment

CLOSED = ("staging", "prod")

# For each type what its properties have to be, in every environment.
ALWAYS: dict[str, dict[str, tuple[Any, ...]]] = {
    "Microsoft.Storage/storageAccounts": {
        "allowSharedKeyAccess": (False,),
        "allowBlobPublicAccess": (False,),
        "supportsHttpsTrafficOnly": (True,),
        "minimumTlsVersion": ("TLS1_2", "TLS1_3"),
    },
    "Microsoft.DocumentDB/databaseAccounts": {"disableLocalAuth": (True,), "minimalTlsVersion": ("Tls12",)},
    "Microsoft.ServiceBus/namespaces": {"disableLocalAuth": (True,), "minimumTlsVersion": ("1.2", "1.3")},
    "Microsoft.KeyVault/vaults": {"enableRbacAuthorization": (True,)},
    "Microsoft.CognitiveServices/accounts": {"disableLocalAuth": (True,)},
    "Microsoft.Insights/components": {"DisableLocalAuth": (True,)},
    "Microsoft.Web/sites": {
        "httpsOnly": (True,),
        "siteConfig.minTlsVersion": ("1.2", "1.3"),
        "siteConfig.scmMinTlsVersion": ("1.2", "1.3"),
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": (False,)},
}

# And what beside in staging and prod.
PRIVATE: dict[str, dict[str, tuple[Any, ...]]] = {
    "Microsoft.Storage/storageAccounts": {"publicNetworkAccess": ("Disabled",), "networkAcls.defaultAction": ("Deny",)},
    "Microsoft.DocumentDB/databaseAccounts": {"publicNetworkAccess": ("Disabled",)},
    "Microsoft.ServiceBus/namespaces": {"publicNetworkAccess": ("Disabled",)},
    "Microsoft.KeyVault/vaults": {
        "publicNetworkAccess": ("Disabled", "disabled"),
        "enablePurgeProtection": (True,),
        "networkAcls.defaultAction": ("Deny",),
    },
    "Microsoft.CognitiveServices/accounts": {"publicNetworkAccess": ("Disabled",)},
    "Microsoft.Web/sites": {"publicNetworkAccess": ("Disabled",)},
}

CASES = [(environment, type_, rules) for environment in ENVIRONMENTS for type_, rules in ALWAYS.items()] + [
    (environment, type_, rules) for environment in CLOSED for type_, rules in PRIVATE.items()
]

# Roles that can give themselves more, or everything.
TOO_MUCH = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "Key Vault Administrator",
}

ENDPOINTS = {"vault", "blob", "table", "Sql", "namespace", "sites"}
"""What has a private endpoint in prod, by the group ids that Azure gives them; queues of storage are not used."""


def _property(body: dict[str, Any], path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


@pytest.mark.parametrize(
    ("environment", "type_", "rules"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_a_service_is_closed(environment: str, type_: str, rules: dict[str, tuple[Any, ...]]) -> None:
    found = of_type(environment, type_)

    if type_ != "Microsoft.CognitiveServices/accounts":  # there may be one already
        assert found, f"{environment} has no {type_}"
    wrong = {
        f"{each.symbol}.{path}": _property(each.properties, path)
        for each in found
        for path, allowed in rules.items()
        if _property(each.properties, path) not in allowed
    }
    assert wrong == {}


def test_a_prod_that_somebody_opened_would_be_seen() -> None:
    opened = deployment(workspace(), INFRA / "main.prod.bicepparam", {"ingress": "public", "privateServices": False})

    seen = {
        each.type
        for each in opened.resources()
        if not each.existing and _property(each.properties, "publicNetworkAccess") == "Enabled"
    }
    assert {type_ for type_, rules in PRIVATE.items() if "publicNetworkAccess" in rules} - seen <= {
        "Microsoft.CognitiveServices/accounts"  # there may be one already
    }


@pytest.mark.parametrize("environment", CLOSED)
def test_nothing_private_is_open_to_all_addresses(environment: str) -> None:
    everybody = {"0.0.0.0", "0.0.0.0/0", "*", "::/0", "255.255.255.255"}
    rules = re.compile(r"ipRules|ipAddress|allowedIp|startIp|endIp", re.IGNORECASE)

    assert [
        (each.symbol, path)
        for each in resources(environment)
        for path, value in values(each.body)
        if rules.search(path) and value in everybody
    ] == []


@pytest.mark.parametrize("environment", CLOSED)
def test_what_is_private_is_reached_by_private_endpoints(environment: str) -> None:
    groups = {
        group
        for each in of_type(environment, "Microsoft.Network/privateEndpoints")
        for connection in each.properties["privateLinkServiceConnections"]
        for group in connection["properties"]["groupIds"]
    }

    assert ENDPOINTS - groups == set()
    assert of_type(environment, "Microsoft.Network/privateEndpoints/privateDnsZoneGroups")


@pytest.mark.parametrize("environment", CLOSED)
def test_each_subnet_has_a_security_group(environment: str) -> None:
    subnets = [
        subnet
        for network in of_type(environment, "Microsoft.Network/virtualNetworks")
        for subnet in network.properties["subnets"]
    ]

    assert subnets
    assert [each["name"] for each in subnets if not each["properties"].get("networkSecurityGroup")] == []


@pytest.mark.parametrize("environment", CLOSED)
def test_no_rule_lets_the_internet_in(environment: str) -> None:
    groups = of_type(environment, "Microsoft.Network/networkSecurityGroups")
    rules = [rule for group in groups for rule in group.properties["securityRules"]]

    assert rules
    assert [
        rule["name"]
        for rule in rules
        if rule["properties"]["direction"] == "Inbound"
        and rule["properties"]["access"] == "Allow"
        and rule["properties"].get("sourceAddressPrefix") in ("*", "Internet", "0.0.0.0/0", None)
    ] == []


@pytest.mark.parametrize("environment", CLOSED)
def test_reports_cannot_be_changed(environment: str) -> None:
    policies = of_type(environment, "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies")
    services = of_type(environment, "Microsoft.Storage/storageAccounts/blobServices")

    assert [each.properties["immutabilityPeriodSinceCreationInDays"] > 0 for each in policies] == [True]
    assert any(each.properties.get("isVersioningEnabled") for each in services)


def test_prod_survives_the_loss_of_a_zone() -> None:
    (account,) = of_type("prod", "Microsoft.DocumentDB/databaseAccounts")
    (plan,) = of_type("prod", "Microsoft.Web/serverfarms")
    accounts = of_type("prod", "Microsoft.Storage/storageAccounts")

    assert all(place["isZoneRedundant"] for place in account.properties["locations"])
    assert plan.properties["zoneRedundant"] is True
    assert {each.body["sku"]["name"] for each in accounts} <= {"Standard_ZRS", "Standard_GZRS", "Standard_RAGZRS"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nobody_is_given_a_role_that_can_do_everything(environment: str) -> None:
    given = {
        str(each.properties["roleDefinitionId"])
        for each in of_type(environment, "Microsoft.Authorization/roleAssignments")
    }

    assert given
    assert [TOO_MUCH[role] for role in TOO_MUCH if any(role in each for each in given)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_secrets_are_drawn_once_and_go_nowhere_else(environment: str) -> None:
    secrets = of_type(environment, "Microsoft.KeyVault/vaults/secrets")
    drawn = {each.properties["value"] for each in secrets}

    assert {each.body["name"] for each in secrets} == {"pepper", "operator-key"}
    assert [
        (each.symbol, path)
        for each in resources(environment)
        if each not in secrets
        for path, value in values(each.body)
        if isinstance(value, str) and any(secret in value for secret in drawn)
    ] == []


FRONT_DOOR = {"frontDoor": {"enabled": True, "wafMode": "Prevention", "customDomain": "ai.contoso.com"}}


def test_a_gateway_behind_front_door_keeps_its_own_address_private() -> None:
    made = list(deployment(workspace(), INFRA / "main.dev.bicepparam", FRONT_DOOR).resources())

    (app,) = (each for each in made if each.type == "Microsoft.Web/sites" and not each.existing)
    (origin,) = (each for each in made if each.type == "Microsoft.Cdn/profiles/originGroups/origins")
    assert app.properties["publicNetworkAccess"] == "Disabled"
    assert origin.properties["sharedPrivateLinkResource"]["groupId"] == "sites"


def test_the_firewall_lets_sdks_through_and_no_tools_of_attackers() -> None:
    made = deployment(workspace(), INFRA / "main.dev.bicepparam", FRONT_DOOR).resources()

    (policy,) = (each for each in made if each.type.endswith("FrontDoorWebApplicationFirewallPolicies"))
    switched_off = {
        rule["ruleId"]
        for rules in policy.properties["managedRules"]["managedRuleSets"]
        for group in rules.get("ruleGroupOverrides", [])
        for rule in group["rules"]
        if rule["enabledState"] == "Disabled"
    }
    assert switched_off == {"Bot300300"}, "general-purpose HTTP clients and SDKs"


@pytest.mark.parametrize(("ranges", "tests"), [([], 1), (["203.0.113.0/24"], 0)])
def test_nothing_tests_from_outside_what_is_closed_to_the_outside(ranges: list[str], tests: int) -> None:
    made = deployment(workspace(), INFRA / "main.dev.bicepparam", {"allowedIpRanges": ranges}).resources()

    assert len([each for each in made if each.type == "Microsoft.Insights/webtests"]) == tests


@pytest.mark.parametrize("environment", CLOSED)
def test_services_that_are_private_are_not_reached_in_public(environment: str) -> None:
    tags = {
        rule["properties"].get("destinationAddressPrefix")
        for group in of_type(environment, "Microsoft.Network/networkSecurityGroups")
        for rule in group.properties["securityRules"]
        if rule["properties"]["direction"] == "Outbound" and rule["properties"]["access"] == "Allow"
    }

    assert tags == {"VirtualNetwork", "AzureActiveDirectory", "AzureMonitor"}


def test_a_gateway_without_files_and_batches_has_the_smaller_role() -> None:
    made = deployment(workspace(), INFRA / "main.prod.bicepparam", {"filesAndBatches": False}).resources()
    given = {
        str(each.properties["roleDefinitionId"])
        for each in made
        if each.type == "Microsoft.Authorization/roleAssignments"
    }

    assert any("5e0bd9bd-7b93-4f28-af87-19fc36ad61bd" in each for each in given)
    assert not any("a001fd3d-188f-4b5d-821b-7da978bf7442" in each for each in given)


def test_a_vault_can_be_given_purge_protection_later() -> None:
    days = {
        vault.properties["softDeleteRetentionInDays"]
        for environment in ENVIRONMENTS
        for vault in of_type(environment, "Microsoft.KeyVault/vaults")
    }

    assert days == {90}, "they cannot be changed afterwards"


REFUSED = {
    "alwaysOn", "appCommandLine", "containerSize", "ftpsState", "functionAppScaleLimit", "functionsRuntimeScaleMonitoringEnabled",
    "javaVersion", "linuxFxVersion", "minimumElasticInstanceCount", "netFrameworkVersion", "nodeVersion", "numberOfWorkers",
    "phpVersion", "powerShellVersion", "preWarmedInstanceCount", "pythonVersion", "use32BitWorkerProcess", "vnetPrivatePortsCount",
    "vnetRouteAllEnabled", "windowsFxVersion",
}  # fmt: skip
"""What has no meaning on Flex Consumption; some regions ignore it, others answer with error 51021."""

HOSTS_OWN = (
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_",
    "WEBSITE_",
    "SCM_",
    "ENABLE_ORYX_BUILD",
    "AzureWebJobsStorage=",
)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_app_asks_for_nothing_that_flex_consumption_refuses(environment: str) -> None:
    (app,) = of_type(environment, "Microsoft.Web/sites")
    names = [each["name"] for each in app.properties["siteConfig"]["appSettings"]]

    assert REFUSED & (set(app.properties["siteConfig"]) | set(app.properties)) == set()
    assert [name for name in names if f"{name}=".startswith(HOSTS_OWN)] == []
