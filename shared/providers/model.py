"""What a deployment is, and the request that a provider builds for it."""

from dataclasses import dataclass, field
from enum import StrEnum


class UrlForm(StrEnum):
    """The two ways in which Azure OpenAI writes its addresses."""

    V1 = "v1"
    DEPLOYMENTS = "deployments"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, until the first byte of the answer, and between two reads of it."""

    connect_s: float = 5.0
    first_byte_s: float = 220.0
    idle_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model at one endpoint in one region: the unit of routing, health and capacity.

    `upstream_name` is what the upstream calls it; `{model}` in it stands for the name that the caller asked for. Objects such
    as files live in the account, so deployments with the same `endpoint` share them. `model` is its name in the price list, if another;
    `processing` says where the provider may process (global, data_zone, regional), `capacity` how that is paid (standard, provisioned).
    """

    name: str
    provider: str
    endpoint: str
    upstream_name: str
    url_form: UrlForm = UrlForm.V1
    api_version: str | None = None
    scope: str = "https://cognitiveservices.azure.com/.default"
    client_id: str | None = None
    secret_ref: str | None = None
    region: str | None = None
    model: str | None = None
    processing: str = "global"
    capacity: str = "standard"
    timeouts: Timeouts = field(default_factory=Timeouts)

    def name_for(self, model: str) -> str:
        """The upstream's name of this deployment when `model` was asked for."""
        return self.upstream_name.replace("{model}", model)

    def catalogued(self, model: str) -> str:
        """The name in the price list of what this deployment is when `model` was asked for."""
        return self.model or self.name_for(model)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """Bytes to send: the URL is complete, the headers carry the upstream's credentials."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    timeouts: Timeouts
