"""Whose access tokens of Entra ID are taken, and whom each of them stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from shared.directory.model import Owner, Role, User
from shared.fields import Alias, EndpointGlob, Some, Strict, is_loopback

Guid = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
RoleValue = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f]{1,120}$")]
Audience = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][^\s\x00-\x1f]{0,254}$")]


def _address(value: str) -> str:
    """Return the address if it is https, or http to this machine; `{authority}` and `{tenant}` may stand in it."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be an address such as https://login.microsoftonline.com") from None
    if parts.scheme not in ("https", "http") or not host or parts.username or any(map(str.isspace, value)):
        raise ValueError("must be an address such as https://login.microsoftonline.com")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http is allowed to loopback addresses only; use https")
    return value


def _template(value: str) -> str:
    if "{tenant}" not in value:
        raise ValueError("must hold {tenant}")
    _address(value.replace("{authority}", "https://authority", 1).replace("{tenant}", "tenant"))
    return value


Authority = Annotated[str, AfterValidator(_address), AfterValidator(lambda value: value.rstrip("/"))]
Template = Annotated[str, AfterValidator(_template)]


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a verified token says of its bearer: a person, or an application that calls in its own name."""

    object_id: str
    client_id: str
    is_person: bool
    roles: frozenset[str]
    groups: frozenset[str]
    has_hidden_groups: bool
    username: str | None
    name: str | None


class EntraMapping(Strict):
    """One thing that a token may show, and whom its bearer then stands for.

    `app` is met by an application that calls in its own name, not by a person who uses it. With `users_of_team`, each person is
    a user of the team, under the name that they sign in with.
    """

    role: RoleValue | None = None
    group: Guid | None = None
    app: Guid | None = None
    user: Guid | None = None
    owner: Owner
    role_in_gateway: Role = Role.DEVELOPER
    endpoints: Some[EndpointGlob] = ("*",)
    models: Some[Alias] = ("*",)
    users_of_team: bool = False

    @model_validator(mode="after")
    def _has_one_condition(self) -> Self:
        if sum(condition is not None for condition in (self.role, self.group, self.app, self.user)) != 1:
            raise ValueError("needs exactly one of `role`, `group`, `app` and `user`")
        if self.users_of_team and self.owner.count("/") != 1:
            raise ValueError("`users_of_team` needs a team as `owner`, such as teams/search")
        return self

    def admits(self, bearer: Bearer) -> bool:
        if self.role is not None:
            return self.role in bearer.roles
        if self.group is not None:
            return self.group in bearer.groups
        if self.app is not None:
            return self.app == bearer.client_id and not bearer.is_person
        return self.user == bearer.object_id

    def owner_of(self, bearer: Bearer) -> str:
        if not (self.users_of_team and bearer.is_person):
            return self.owner
        team = self.owner.split("/")[1]
        try:
            return User(id=bearer.username or bearer.object_id, team=team).scope
        except ValidationError:
            return User(id=bearer.object_id, team=team).scope


class EntraConfig(Strict):
    """`authority` is another one in sovereign clouds. In the templates, `{authority}` and `{tenant}` are filled in."""

    tenants: Some[Guid]
    audiences: Some[Audience]
    authority: Authority = "https://login.microsoftonline.com"
    issuer_v1: Template = "https://sts.windows.net/{tenant}/"
    issuer_v2: Template = "{authority}/{tenant}/v2.0"
    jwks_url: Template = "{authority}/{tenant}/discovery/v2.0/keys"
    leeway_s: Annotated[int, Field(ge=0, le=600)] = 60
    mappings: Some[EntraMapping]

    def issuer_of(self, tenant: str, version: Literal["1.0", "2.0"]) -> str:
        return self._filled(self.issuer_v1 if version == "1.0" else self.issuer_v2, tenant)

    def jwks_url_of(self, tenant: str) -> str:
        return self._filled(self.jwks_url, tenant)

    def mapping_for(self, bearer: Bearer) -> EntraMapping | None:
        """Return the first mapping that the bearer meets."""
        return next((mapping for mapping in self.mappings if mapping.admits(bearer)), None)

    def _filled(self, template: str, tenant: str) -> str:
        return template.replace("{authority}", self.authority, 1).replace("{tenant}", tenant)


@dataclass(frozen=True, slots=True)
class Identified:
    """Who calls, as an access token tells it. `name` is for display and is never logged."""

    id: str
    owner: str
    role: Role
    endpoints: Sequence[str]
    models: Sequence[str]
    expires_at: datetime
    name: str | None
