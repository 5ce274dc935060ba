"""What the management API takes beside the resources themselves; the OpenAPI document is made of these."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from shared.directory.model import Application, Area, Budget, Key, Kind, Organization, Policy, Team, User
from shared.fields import Alias, Count, KeyId, Strict

MAX_GRACE_S = 30 * 86_400
PAGE = 200


class Paging(Strict):
    limit: Annotated[int, Field(ge=1, le=PAGE)] = 100
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class KeyFilter(Paging):
    team: Annotated[str, Field(max_length=64)] | None = None
    owner: Annotated[str, Field(max_length=250)] | None = None


class ScopeFilter(Paging):
    scope: Annotated[str, Field(max_length=250)] | None = None


class TargetFilter(Paging):
    target: Annotated[str, Field(max_length=250)] | None = None


class KeyChoice(Strict):
    key: KeyId | None = None


class Rotation(Strict):
    """For `grace_s` seconds the secrets so far go on working; 0 ends them at once."""

    grace_s: Annotated[int, Field(ge=0, le=MAX_GRACE_S)] = 86_400


class ExplainRequest(Strict):
    """A call that need not be made. Without `key` it is the caller's own."""

    key: KeyId | None = None
    endpoint: Annotated[str, Field(min_length=1, max_length=100)]
    model: Alias
    prompt_bytes: Count | None = None
    prompt_tokens: Count | None = None
    max_output_tokens: Count | None = None
    address: Annotated[str, Field(max_length=50)] | None = None


PLURALS: Mapping[Kind, str] = {
    Kind.AREA: "areas",
    Kind.TEAM: "teams",
    Kind.APPLICATION: "applications",
    Kind.USER: "users",
    Kind.KEY: "keys",
    Kind.POLICY: "policies",
    Kind.BUDGET: "budgets",
}
"""The kinds of which there are many, as addresses and documents name them."""

Section = Literal["areas", "teams", "applications", "users", "keys", "policies", "budgets"]


class Resources(Strict):
    """Everything that the management API keeps, without secrets."""

    organization: Organization | None = None
    areas: tuple[Area, ...] = ()
    teams: tuple[Team, ...] = ()
    applications: tuple[Application, ...] = ()
    users: tuple[User, ...] = ()
    keys: tuple[Key, ...] = ()
    policies: tuple[Policy, ...] = ()
    budgets: tuple[Budget, ...] = ()


class ApplyRequest(Strict):
    """What there shall be. `prune` deletes what is not listed, but nothing of the sections in `keep`; `dry_run` changes nothing.

    `expect` is the `fingerprint` of a dry run: nothing is made where something else would be changed than was shown then.
    """

    resources: Resources
    prune: bool = False
    keep: tuple[Section, ...] = ()
    dry_run: bool = False
    expect: Annotated[str, Field(max_length=64)] | None = None


class SecretValue(Strict):
    value: Annotated[str, Field(min_length=1, max_length=20_000)]
