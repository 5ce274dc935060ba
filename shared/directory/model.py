"""The hierarchy that every call belongs to, and what an operator hangs on it.

organization → areas → teams → applications and users → keys. A *scope* is the path of a node in it: `organization`,
`areas/retail`, `teams/search`, `teams/search/applications/crawler`, `teams/search/users/ada`, `keys/vk_01…`.
The same classes are read from the configuration file, taken by the management API and stored.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, model_validator

from shared.fields import Alias, Cidr, Count, EndpointGlob, Few, KeyId, Label, Name, SomeFew, Strict, TimeZone, UserName
from shared.money import Amount
from shared.windows import Period

ORGANIZATION = "organization"
_NAME, _USER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}"
_OWNER = rf"teams/{_NAME}(/applications/{_NAME}|/users/{_USER})?"

Owner = Annotated[str, StringConstraints(pattern=rf"^{_OWNER}$")]
"""A scope that can hold a key."""

Scope = Annotated[
    str, StringConstraints(pattern=rf"^(organization|areas/{_NAME}|{_OWNER}|keys/vk_[A-Za-z0-9_-]{{1,60}})$")
]


class Kind(StrEnum):
    """What a stored resource is."""

    ORGANIZATION = "organization"
    AREA = "area"
    TEAM = "team"
    APPLICATION = "application"
    USER = "user"
    KEY = "key"
    POLICY = "policy"
    BUDGET = "budget"


class Role(StrEnum):
    """What a principal may do in the management API; every role may call models.

    DEVELOPER sees itself, TEAM_ADMIN runs its own team, AUDITOR reads everything, PLATFORM_ADMIN does everything.
    """

    DEVELOPER = "developer"
    TEAM_ADMIN = "team_admin"
    AUDITOR = "auditor"
    PLATFORM_ADMIN = "platform_admin"


class Mode(StrEnum):
    """SHADOW counts what would have been refused, and refuses nothing."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    OFF = "off"


def _unquoted_off(value: object) -> object:
    """YAML reads an unquoted `off` as false."""
    return Mode.OFF if value is False else value


AnyMode = Annotated[Mode, BeforeValidator(_unquoted_off)]


class Attributed(Strict):
    """What usage is charged to; a node without a value of its own has that of the node above."""

    cost_center: Label | None = None
    client: Label | None = None
    project: Label | None = None


class Organization(Attributed):
    name: Label | None = None

    @property
    def scope(self) -> str:
        return ORGANIZATION


class Area(Attributed):
    id: Name
    name: Label | None = None

    @property
    def scope(self) -> str:
        return f"areas/{self.id}"


class Team(Attributed):
    """`models` are globs over the names that callers ask for."""

    id: Name
    name: Label | None = None
    area: Name | None = None
    models: SomeFew[Alias] = ("*",)

    @property
    def scope(self) -> str:
        return f"teams/{self.id}"


class Application(Attributed):
    id: Name
    team: Name
    name: Label | None = None

    @property
    def scope(self) -> str:
        return f"teams/{self.team}/applications/{self.id}"


class User(Attributed):
    id: UserName
    team: Name
    name: Label | None = None

    @property
    def scope(self) -> str:
        return f"teams/{self.team}/users/{self.id}"


class Key(Attributed):
    """A virtual key without its secret: whose it is and what it may do."""

    id: KeyId
    owner: Owner
    name: Label | None = None
    role: Role = Role.DEVELOPER
    endpoints: SomeFew[EndpointGlob] = ("*",)
    models: SomeFew[Alias] = ("*",)
    cidrs: Few[Cidr] = ()
    expires_at: AwareDatetime | None = None
    disabled: bool = False

    @property
    def scope(self) -> str:
        return f"keys/{self.id}"


Node = Organization | Area | Team | Application | User | Key


class RateLimit(Strict):
    """At most `limit` requests or tokens per `window_s` seconds.

    `fixed` counts from the window's beginning; `smooth` refills all the time and lets at most `limit` through at once.
    """

    unit: Literal["requests", "tokens"]
    limit: Count
    window_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    algorithm: Literal["fixed", "smooth"] = "fixed"


class Quota(Strict):
    """At most `tokens` per calendar period in a time zone."""

    tokens: Count
    period: Period = Period.MONTH
    time_zone: TimeZone = "UTC"


def _all_differ[T: RateLimit | Quota](items: tuple[T, ...]) -> tuple[T, ...]:
    """Two limits of one kind would share a counter, and the larger one would mean nothing."""
    kinds = [tuple(value for name, value in item if name not in ("limit", "tokens")) for item in items]
    if len(set(kinds)) < len(kinds):
        raise ValueError("holds two of the same kind: keep the lower one")
    return items


class Policy(Strict):
    """Rules for a scope and everything below it. Of several, each applies: the strictest wins.

    What is counted is counted for the whole scope together, or, with `per: key`, for each caller below it.
    """

    id: Annotated[str, StringConstraints(pattern=r"^pol_[A-Za-z0-9_-]{1,60}$")]
    scope: Scope
    name: Label | None = None
    mode: AnyMode = Mode.ENFORCE
    per: Literal["scope", "key"] = "scope"
    endpoints: SomeFew[EndpointGlob] | None = None
    models: SomeFew[Alias] | None = None
    max_prompt_bytes: Count | None = None
    max_prompt_tokens: Count | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=10**9)] | None = None
    on_excess_output: Literal["clamp", "refuse"] = "clamp"
    max_concurrency: Count | None = None
    rate_limits: Annotated[Few[RateLimit], AfterValidator(_all_differ)] = ()
    quotas: Annotated[Few[Quota], AfterValidator(_all_differ)] = ()


class Threshold(Strict):
    """What happens once `percent` of the budget are spent; every threshold raises an alert, once per period.

    `throttle` allows `requests_per_minute` from then on, `downshift` sends calls to the alias `model`, `block` refuses them.
    """

    percent: Annotated[int, Field(ge=1, le=1000)]
    action: Literal["alert", "throttle", "downshift", "block"] = "alert"
    requests_per_minute: Annotated[int, Field(ge=1, le=10**9)] | None = None
    model: Alias | None = None

    @model_validator(mode="after")
    def _says_what_to_do(self) -> Self:
        needs = {"throttle": "requests_per_minute", "downshift": "model"}.get(self.action)
        for name in ("requests_per_minute", "model"):
            if (getattr(self, name) is not None) != (name == needs):
                word = "needs" if name == needs else "takes no"
                raise ValueError(f"the action {self.action} {word} `{name}`")
        return self


THRESHOLDS = (Threshold(percent=50), Threshold(percent=80), Threshold(percent=100, action="block"))


class Budget(Strict):
    """Money that a scope and everything below it may spend per calendar period."""

    id: Annotated[str, StringConstraints(pattern=r"^bud_[A-Za-z0-9_-]{1,60}$")]
    scope: Scope
    name: Label | None = None
    mode: AnyMode = Mode.ENFORCE
    amount: Amount
    period: Period = Period.MONTH
    time_zone: TimeZone = "UTC"
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = 1
    thresholds: SomeFew[Threshold] = THRESHOLDS

    @model_validator(mode="after")
    def _thresholds_differ(self) -> Self:
        marks = [(threshold.percent, threshold.action) for threshold in self.thresholds]
        if len(set(marks)) < len(marks):
            raise ValueError("two of the `thresholds` are the same")
        return self


Resource = Node | Policy | Budget
TYPES: dict[Kind, type[Resource]] = {
    Kind.ORGANIZATION: Organization,
    Kind.AREA: Area,
    Kind.TEAM: Team,
    Kind.APPLICATION: Application,
    Kind.USER: User,
    Kind.KEY: Key,
    Kind.POLICY: Policy,
    Kind.BUDGET: Budget,
}


def kind_of(resource: Resource) -> Kind:
    return next(kind for kind, type_ in TYPES.items() if type(resource) is type_)


def address_of(resource: Resource) -> str:
    """Return the resource's own path in the management API: a node's scope, `policies/…` or `budgets/…`."""
    if isinstance(resource, Policy):
        return f"policies/{resource.id}"
    if isinstance(resource, Budget):
        return f"budgets/{resource.id}"
    return resource.scope


def team_of(scope: str) -> str | None:
    """Return the team in a scope; None above teams, and for a key, whose owner has to be asked."""
    return scope.split("/")[1] if scope.startswith("teams/") else None


@dataclass(frozen=True, slots=True)
class Level:
    """A node of the hierarchy with what hangs on it."""

    scope: str
    node: Node
    policies: tuple[Policy, ...] = ()
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key by one of its secrets; `until` is when this secret stops working."""

    key: Key
    until: datetime | None = None


def inherited(levels: tuple[Level, ...], attribute: str) -> str | None:
    """Return an attribute's value at the nearest level that has one."""
    return next((value for level in levels if (value := getattr(level.node, attribute, None))), None)
