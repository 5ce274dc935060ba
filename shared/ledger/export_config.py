"""Where the ledger and the audit log are exported to, as the configuration says it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.alerts.model import HttpsAddress
from shared.fields import Few, Name, SecretRef, Strict


class EventHubsExport(Strict):
    """`namespace` is an address such as `https://finops.servicebus.windows.net`; the gateway's identity needs the role Data Sender."""

    kind: Literal["event_hubs"]
    name: Name
    namespace: HttpsAddress
    hub: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,254}[A-Za-z0-9])?$")]
    client_id: str | None = None


class WebhookExport(Strict):
    """`secret_ref` is of the key that requests are signed with."""

    kind: Literal["webhook"]
    name: Name
    url: HttpsAddress
    secret_ref: SecretRef


class ExportConfig(Strict):
    sinks: Few[Annotated[EventHubsExport | WebhookExport, Field(discriminator="kind")]] = ()
