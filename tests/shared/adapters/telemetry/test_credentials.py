"""Which identity telemetry is sent with."""

from typing import Any

import pytest

from shared.adapters.telemetry.credentials import Credential, credential_of
from shared.adapters.telemetry.errors import TelemetryMisconfigured

SETTING = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"


class Named:
    def __init__(self, client_id: str | None) -> None:
        self.client_id = client_id

    def get_token(self, *scopes: str, **options: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("environment", "client_id"),
    [
        ({SETTING: "Authorization=AAD;ClientId=app"}, "app"),
        ({SETTING: "Authorization=AAD;ClientId=app", "AZURE_CLIENT_ID": "other"}, "app"),
        ({SETTING: "Authorization=AAD", "AZURE_CLIENT_ID": "other"}, "other"),
        ({SETTING: " authorization = AAD ; "}, None),
    ],
)
def test_the_identity_is_the_one_that_the_setting_names(environment: dict[str, str], client_id: str | None) -> None:
    credential: Any = credential_of(environment, Named)

    assert credential.client_id == client_id


def test_without_the_setting_there_is_none() -> None:
    assert credential_of({"AZURE_CLIENT_ID": "app"}, Named) is None


@pytest.mark.parametrize("text", ["ikey", "Authorization=ikey", "ClientId=app"])
def test_what_the_setting_must_say_is_said(text: str) -> None:
    with pytest.raises(TelemetryMisconfigured, match="Authorization=AAD"):
        credential_of({SETTING: text}, Named)


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"IDENTITY_ENDPOINT": "http://127.0.0.1:1"}, "ManagedIdentityCredential"),
        ({"WEBSITE_INSTANCE_ID": "i"}, "ManagedIdentityCredential"),
        ({}, "DefaultAzureCredential"),
    ],
)
def test_without_a_factory_it_is_the_managed_identity_or_this_machines_own(
    environment: dict[str, str], kind: str
) -> None:
    credential: Credential | None = credential_of({SETTING: "Authorization=AAD", **environment}, None)

    assert type(credential).__name__ == kind
