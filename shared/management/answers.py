"""What the management API answers with; the OpenAPI document is made of these."""

from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from shared.directory.model import (
    Application,
    Area,
    Budget,
    Key,
    Kind,
    Mode,
    Organization,
    Policy,
    Role,
    Team,
    Threshold,
    User,
)
from shared.fields import Strict
from shared.money import Amount


class Shown(Strict):
    """What a stored resource has beside its own fields."""

    managed_by: Literal["api", "file"]
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


class OrganizationAnswer(Shown, Organization):
    pass


class AreaAnswer(Shown, Area):
    pass


class TeamAnswer(Shown, Team):
    pass


class ApplicationAnswer(Shown, Application):
    pass


class UserAnswer(Shown, User):
    pass


class KeyAnswer(Shown, Key):
    """`hint` is the beginning of the secret. `last_used_at`, to within a minute or so, is told by reading a key that was ever used."""

    hint: str | None = None
    last_used_at: AwareDatetime | None = None


class MintedKey(KeyAnswer):
    """The only answer that holds the secret: it cannot be read again."""

    secret: str


class PolicyAnswer(Shown, Policy):
    """`made_by` is the role of who set it last: what a platform_admin has set no team_admin can change."""

    made_by: Role | None = None


class BudgetAnswer(Shown, Budget):
    """`made_by` as for policies."""

    made_by: Role | None = None


ANSWERS: dict[Kind, type[Strict]] = {
    Kind.ORGANIZATION: OrganizationAnswer,
    Kind.AREA: AreaAnswer,
    Kind.TEAM: TeamAnswer,
    Kind.APPLICATION: ApplicationAnswer,
    Kind.USER: UserAnswer,
    Kind.KEY: KeyAnswer,
    Kind.POLICY: PolicyAnswer,
    Kind.BUDGET: BudgetAnswer,
}


class Me(Strict):
    id: str
    kind: str
    role: Role
    owner: str
    scope: str
    team: str


class ThresholdAnswer(Threshold):
    is_reached: bool


class BudgetStatusAnswer(Strict):
    """Money of the current period. `reserved` is what instances hold for calls to come and under way, `percent` is of `amount`.

    `projected` is what is spent at the end if it goes on as until now.
    """

    budget: str
    scope: str
    mode: Mode
    amount: Amount
    spent: Amount
    reserved: Amount
    remaining: Amount
    percent: int
    projected: Amount | None
    period_start: AwareDatetime
    period_end: AwareDatetime
    thresholds: tuple[ThresholdAnswer, ...]


class AlertAnswer(Strict):
    """A threshold of a budget that was reached, once per period."""

    id: str
    at: AwareDatetime
    budget: str
    scope: str
    team: str | None
    mode: Mode
    percent: int
    action: str
    amount: Amount
    spent: Amount
    period_start: AwareDatetime
    period_end: AwareDatetime


class RuleAnswer(Strict):
    """One rule that applies. `level` is the scope that it comes from, `source` the resource; `in_force` is false in shadow mode,
    and for what a stricter rule makes meaningless. Of money above the caller's team it is shown only that there is a budget."""

    rule: str
    value: JsonValue
    level: str
    source: str
    mode: Mode
    in_force: bool


class EffectivePolicyAnswer(Strict):
    """Everything that applies to a key, or without one to the caller, from whatever level."""

    key: str | None
    owner: str
    rules: tuple[RuleAnswer, ...]


class Reason(Strict):
    rule: str
    level: str
    source: str
    mode: Mode
    outcome: Literal["passes", "changes", "refuses", "would_refuse"]
    detail: str


class Explanation(Strict):
    """`status` and `code` are those of the refusal; `model` is what the call would be answered by."""

    allowed: bool
    status: int | None = None
    code: str | None = None
    model: str | None = None
    reasons: tuple[Reason, ...]


class AuditActor(Strict):
    id: str
    kind: str


class AuditAnswer(Strict):
    """One change: who, when, what, before and after. `seal` chains it to the entry before.

    `seq` is its number among all changes, which a team_admin is not told.
    """

    seq: int | None = None
    at: AwareDatetime
    actor: AuditActor
    action: str
    target: str
    before: JsonValue = None
    after: JsonValue = None
    request_id: str | None = None
    seal: str


class AuditVerification(Strict):
    """Whether the chain of audit entries is whole, and the resources are as it says.

    `first_broken` is the number of the first entry that is not what was written, `first_difference` the address of a
    resource that was changed, added or removed without an entry.
    """

    ok: bool
    entries: int
    first_broken: int | None = None
    first_difference: str | None = None


class ResourceChange(Strict):
    action: Literal["create", "update", "delete"]
    address: str
    before: JsonValue = None
    after: JsonValue = None


class Applied(Strict):
    """`changes` are those that were made, or with `dry_run` would be. Each of the `batches` is complete in itself.

    Where `applied` is false without `dry_run`, the rest was not made because of `stopped_by`: apply again to go on.
    `fingerprint` stands for the changes: as `expect` of the next request it lets these be made and no others.
    """

    changes: tuple[ResourceChange, ...]
    applied: bool
    batches: int
    fingerprint: str
    stopped_by: str | None = None
    secrets: dict[str, str] = Field(default_factory=dict, description="The secrets of new keys, by key id; shown once.")


class SecretNames(Strict):
    data: tuple[str, ...]


class FieldProblem(Strict):
    field: str
    message: str


class ProblemAnswer(Strict):
    """RFC 9457. `instance` is the request's id; `errors` names every field that is to be mended."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[FieldProblem, ...] = ()
