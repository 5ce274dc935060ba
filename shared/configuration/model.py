"""The gateway's YAML file as types: what may be written in it, with the defaults of what is left out."""

from datetime import date
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from shared.alerts.model import AlertingConfig
from shared.catalog.model import PriceConfig
from shared.catalog.pools import PoolConfig
from shared.directory.model import Application, Area, Budget, Key, Organization, Policy, Team, User
from shared.fields import Alias, Name, Positive, SecretRef, Some, Strict, is_loopback
from shared.finance.model import FinanceConfig
from shared.identity.model import EntraConfig
from shared.ledger.export_config import ExportConfig
from shared.providers.registry import PROVIDERS
from shared.sessions.model import SessionsConfig

_NOT_AN_ADDRESS = "must be an address such as https://example.openai.azure.com, or env:NAME"


def _endpoint(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        # Not urlsplit's own words: they repeat the address, and with it whatever password is in it.
        raise ValueError(_NOT_AN_ADDRESS) from None
    if parts.scheme not in ("https", "http") or not host or port == 0 or any(map(str.isspace, value)):
        raise ValueError(_NOT_AN_ADDRESS)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold neither credentials nor a query")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http is allowed to loopback addresses only; use https")
    return value.rstrip("/")


def _provider(value: str) -> str:
    if value not in PROVIDERS:
        raise ValueError(f"no provider is named {value[:40]!r}; there are {', '.join(PROVIDERS)}")
    return value


def _date_as_text(value: object) -> object:
    """YAML reads an unquoted 2024-10-21 as a date."""
    return value.isoformat() if isinstance(value, date) else value


ApiVersion = Annotated[
    str,
    BeforeValidator(_date_as_text),
    StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2}(-preview)?|v1|preview|latest)$"),
]


class TimeoutsConfig(Strict):
    """Seconds. `first_byte_s` stays below the 230 s after which Azure's load balancer gives up on a silent answer."""

    connect_s: Positive = 5.0
    first_byte_s: Positive = 220.0
    idle_s: Positive = 120.0


class DeploymentConfig(Strict):
    """One model at one endpoint. `endpoint` may be `env:NAME`, which is resolved before it is checked."""

    name: Name
    provider: Annotated[str, AfterValidator(_provider)] = "azure_openai"
    endpoint: Annotated[str, AfterValidator(_endpoint)]
    deployment: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    url_form: Literal["v1", "deployments"] = "v1"
    api_version: ApiVersion | None = None
    scope: Annotated[str, StringConstraints(pattern=r"^(https|api)://.+/\.default$")] = (
        "https://cognitiveservices.azure.com/.default"
    )
    client_id: str | None = None
    secret_ref: SecretRef | None = None
    region: Name | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    processing: Literal["global", "data_zone", "regional"] = "global"
    capacity: Literal["standard", "provisioned"] = "standard"
    timeouts: TimeoutsConfig = TimeoutsConfig()

    @model_validator(mode="after")
    def _credentials_fit(self) -> Self:
        takes_secret = not PROVIDERS[self.provider].needs_token
        if takes_secret and self.secret_ref is None:
            raise ValueError(f"a deployment of {self.provider} needs a secret_ref")
        if not takes_secret and self.secret_ref is not None:
            raise ValueError(
                f"a deployment of {self.provider} takes no secret_ref: it is called with the managed identity"
            )
        return self


class TargetConfig(Strict):
    deployment: Name
    priority: Annotated[int, Field(ge=1, le=100)] = 1
    weight: Annotated[int, Field(ge=1, le=1000)] = 1


class RouteConfig(Strict):
    alias: Alias
    targets: Some[TargetConfig]


class KeyConfig(Key):
    """A key whose secret is kept elsewhere; the keys that the management API makes are not in the file."""

    secret_ref: SecretRef

    def without_secret(self) -> Key:
        return Key.model_validate({name: getattr(self, name) for name in Key.model_fields})


class RetryConfig(Strict):
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    max_wait_s: Annotated[float, Field(ge=0, le=30)] = 2.0


class CircuitConfig(Strict):
    failures: Annotated[int, Field(ge=1, le=1000)] = 5
    error_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    open_s: Positive = 10.0


class BodyConfig(Strict):
    """Megabytes (2**20 bytes) that a caller may send, and that all callers together may have in memory."""

    json_mb: Annotated[int, Field(ge=1, le=210)] = 32
    upload_mb: Annotated[int, Field(ge=1, le=210)] = 200
    buffered_mb: Annotated[int, Field(ge=1, le=16_384)] = 512
    read_s: Positive = 60.0


class StreamConfig(Strict):
    """Seconds between keep-alive comments, and how long and how much is read on after the caller has gone."""

    keep_alive_s: Positive = 15.0
    drain_s: Annotated[float, Field(ge=0, le=600)] = 60.0
    drain_mb: Annotated[int, Field(ge=0, le=1024)] = 16


class WebhooksConfig(Strict):
    """`openai_secret` is what the provider signs the events of finished work with; None takes none."""

    openai_secret: SecretRef | None = None


class Configuration(Strict):
    """The whole file."""

    version: Literal[1]
    deployments: Some[DeploymentConfig]
    routes: Some[RouteConfig]
    organization: Organization | None = None
    areas: tuple[Area, ...] = ()
    teams: tuple[Team, ...] = ()
    applications: tuple[Application, ...] = ()
    users: tuple[User, ...] = ()
    keys: tuple[KeyConfig, ...] = ()
    policies: tuple[Policy, ...] = ()
    budgets: tuple[Budget, ...] = ()
    prices: tuple[PriceConfig, ...] = ()
    provisioned: tuple[PoolConfig, ...] = ()
    finance: FinanceConfig = FinanceConfig()
    alerting: AlertingConfig | None = None
    sessions: SessionsConfig = SessionsConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    export: ExportConfig = ExportConfig()
    entra: EntraConfig | None = None
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] | None = None
    default_response_model: Alias | None = None
    objects_deployment: Name | None = None
    retry: RetryConfig = RetryConfig()
    circuit: CircuitConfig = CircuitConfig()
    body: BodyConfig = BodyConfig()
    stream: StreamConfig = StreamConfig()
