"""Every operation of the management API: the one table of which the routing, the OpenAPI document and the reference are made."""

from collections.abc import Iterator, Mapping

from shared.directory.model import TYPES, Kind, Role
from shared.management import apply, effects, keys, lists, resources, secrets
from shared.management.answers import (
    ANSWERS,
    AlertAnswer,
    Applied,
    AuditAnswer,
    AuditVerification,
    BudgetStatusAnswer,
    EffectivePolicyAnswer,
    Explanation,
    KeyAnswer,
    Me,
    MintedKey,
    SecretNames,
)
from shared.management.authority import EVERYBODY, OPERATORS, READERS, TEAM_READERS, TEAM_WRITERS
from shared.management.call import Operation
from shared.management.requests import (
    PLURALS,
    ApplyRequest,
    ExplainRequest,
    KeyChoice,
    KeyFilter,
    Paging,
    Resources,
    Rotation,
    ScopeFilter,
    SecretValue,
    TargetFilter,
)
from shared.management.spending_operations import SPENDING

_FILTERS: Mapping[Kind, type[Paging]] = {Kind.KEY: KeyFilter, Kind.POLICY: ScopeFilter, Kind.BUDGET: ScopeFilter}
_IN_TEAMS = (Kind.APPLICATION, Kind.USER)
_ABOVE_TEAMS = (Kind.ORGANIZATION, Kind.AREA)

DOCUMENT = Operation("getOpenapi", "GET", "openapi.json", "This document.", EVERYBODY, None, None)
"""The only operation that needs no key."""


def _collection(kind: Kind) -> Iterator[Operation]:
    path, title, many = resources.ADDRESSES[kind].rpartition("/")[0], kind.value.capitalize(), PLURALS[kind]
    filled = frozenset({"team"} if kind in _IN_TEAMS else {"id"} if kind in resources.PREFIXES else ())
    yield Operation(
        f"create{title}", "POST", path, f"Create {'an' if kind.value[0] in 'a' else 'a'} {kind}.", _writers(kind),
        resources.create(kind), MintedKey if kind is Kind.KEY else ANSWERS[kind], 201, TYPES[kind], filled, is_raw=True,
        is_tagged=True,
    )  # fmt: skip
    yield Operation(
        f"list{many.capitalize()}", "GET", path, f"List {many}.", _readers(kind), lists.resources(kind), ANSWERS[kind],
        query=_FILTERS.get(kind, Paging), is_list=True,
    )  # fmt: skip


def _single(kind: Kind) -> Iterator[Operation]:
    path, title, writers = resources.ADDRESSES[kind], kind.value.capitalize(), _writers(kind)
    filled = frozenset({"id", "team"} if kind in _IN_TEAMS else {"id"})
    yield Operation(
        f"get{title}", "GET", path, f"Read the {kind}.", _readers(kind), resources.read(kind), ANSWERS[kind],
        is_tagged=True,
    )  # fmt: skip
    yield Operation(
        f"replace{title}", "PUT", path, f"Replace the {kind} as a whole.", writers, resources.replace(kind), ANSWERS[kind],
        request=TYPES[kind], filled=filled, is_raw=True, if_match="required", is_tagged=True,
    )  # fmt: skip
    yield Operation(
        f"update{title}", "PATCH", path, f"Change fields of the {kind} by JSON merge patch; null removes.", writers,
        resources.patch(kind), ANSWERS[kind], request=TYPES[kind], is_raw=True, is_patch=True, if_match="required",
        is_tagged=True,
    )  # fmt: skip
    if kind is not Kind.ORGANIZATION:
        yield Operation(
            f"delete{title}", "DELETE", path, f"Delete the {kind}, once nothing stands on it.", writers,
            resources.remove(kind), None, 204, if_match="optional",
        )  # fmt: skip


def _readers(kind: Kind) -> frozenset[Role]:
    return READERS if kind in _ABOVE_TEAMS else TEAM_READERS


def _writers(kind: Kind) -> frozenset[Role]:
    return OPERATORS if kind in (*_ABOVE_TEAMS, Kind.TEAM) else TEAM_WRITERS


def _resources() -> Iterator[Operation]:
    yield from _single(Kind.ORGANIZATION)
    for kind in PLURALS:
        yield from _collection(kind)
        yield from _single(kind)


_OTHERS = (
    Operation(
        "rotateKey", "POST", "keys/{key}/rotate", "Give the key a new secret; the one before it works for a grace period.",
        TEAM_WRITERS, keys.rotate, MintedKey, request=Rotation, if_match="optional", is_tagged=True, may_be_empty=True,
    ),
    Operation(
        "disableKey", "POST", "keys/{key}/disable", "Switch the key off.", TEAM_WRITERS, keys.switch(disabled=True),
        KeyAnswer, if_match="optional", is_tagged=True,
    ),
    Operation(
        "enableKey", "POST", "keys/{key}/enable", "Switch the key on again.", TEAM_WRITERS, keys.switch(disabled=False),
        KeyAnswer, if_match="optional", is_tagged=True,
    ),
    Operation(
        "getBudgetStatus", "GET", "budgets/{budget}/status", "Read what is spent of the budget in its current period.",
        TEAM_READERS, effects.budget_status, BudgetStatusAnswer,
    ),
    Operation("getMe", "GET", "me", "Read who you are to the gateway.", EVERYBODY, effects.me, Me),
    Operation(
        "getEffectivePolicy", "GET", "effective-policy", "List the rules that apply to a key, and where each comes from.",
        EVERYBODY, effects.effective_policy, EffectivePolicyAnswer, query=KeyChoice,
    ),
    Operation(
        "explain", "POST", "explain", "Say whether a call would be let through, and why; nothing is counted.",
        EVERYBODY, effects.explain, Explanation, request=ExplainRequest,
    ),
    Operation(
        "listAudit", "GET", "audit", "List changes, newest first.", TEAM_READERS, lists.audit, AuditAnswer,
        query=TargetFilter, is_list=True,
    ),
    Operation(
        "verifyAudit", "GET", "audit/verify", "Check that nobody has tampered with the list of changes.", READERS,
        lists.verify_audit, AuditVerification,
    ),
    Operation(
        "listAlerts", "GET", "alerts", "List the thresholds of budgets that were reached, newest first.", TEAM_READERS,
        lists.alerts, AlertAnswer, query=Paging, is_list=True,
    ),
    Operation(
        "apply", "POST", "apply", "Make the resources what the document says, or show what that would change.", OPERATORS,
        apply.apply, Applied, request=ApplyRequest,
    ),
    Operation(
        "export", "GET", "export", "Read everything that can be applied.", READERS, apply.export, Resources,
    ),
    DOCUMENT,
)  # fmt: skip

_SECRETS = (
    Operation("listSecrets", "GET", "secrets", "List the names of secrets.", OPERATORS, secrets.names, SecretNames),
    Operation(
        "putSecret",
        "PUT",
        "secrets/{name}",
        "Set the value of a secret.",
        OPERATORS,
        secrets.put,
        None,
        204,
        SecretValue,
    ),
    Operation("deleteSecret", "DELETE", "secrets/{name}", "Delete the secret.", OPERATORS, secrets.delete, None, 204),
)

OPERATIONS: tuple[Operation, ...] = (*_resources(), *_OTHERS)


def operations(*, has_secrets: bool, has_books: bool = True) -> tuple[Operation, ...]:
    """Return the operations of a deployment: those of secrets exist only where secrets can be kept, those of money with books."""
    return (*OPERATIONS, *(SPENDING if has_books else ()), *(_SECRETS if has_secrets else ()))
