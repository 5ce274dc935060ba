"""Who may see and change what. Pure: roles and places in, yes or no out.

A platform admin may do everything, an auditor see everything. A team admin sees the own team and what is below it, and changes
what is strictly below it. A developer sees no resource at all, only what concerns the own key.
"""

from dataclasses import dataclass

from shared.directory.model import ORGANIZATION, Kind, Role

GRANTABLE = frozenset({Role.DEVELOPER, Role.TEAM_ADMIN})
"""The roles that a team admin may give to a key, and whose keys a team admin may change."""

EVERYBODY = frozenset(Role)
OPERATORS = frozenset({Role.PLATFORM_ADMIN})
READERS = frozenset({Role.PLATFORM_ADMIN, Role.AUDITOR})
TEAM_READERS = READERS | {Role.TEAM_ADMIN}
MEMBERS = frozenset({Role.DEVELOPER, Role.TEAM_ADMIN})
TEAM_WRITERS = OPERATORS | {Role.TEAM_ADMIN}

_BELOW_TEAMS = frozenset({Kind.APPLICATION, Kind.USER, Kind.KEY})
_HUNG_UP = frozenset({Kind.POLICY, Kind.BUDGET})


@dataclass(frozen=True, slots=True)
class Authority:
    """What a caller is: its role, and the team that it belongs to."""

    role: Role
    team: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a caller wants to see or change: `scope` is the node itself or the one that it hangs on, `team` the team around it.

    `made_by` is the role of who has set a policy or budget that is there.
    """

    kind: Kind
    scope: str
    team: str | None
    role: Role | None = None
    made_by: Role | None = None


def sees_team(caller: Authority, team: str | None) -> bool:
    """Whether the caller may know what belongs to a team; None stands for what is above teams."""
    if caller.role in READERS:
        return True
    return caller.role is Role.TEAM_ADMIN and team == caller.team


def knows_spending(caller: Authority, scope: str) -> bool:
    """Whether the caller may know what is spent at a level: those above its team are spent by others."""
    return caller.role in READERS or not is_above_teams(scope)


def is_above_teams(scope: str) -> bool:
    return scope == ORGANIZATION or scope.startswith("areas/")


def may_see(caller: Authority, target: Target) -> bool:
    return sees_team(caller, target.team)


def may_change(caller: Authority, target: Target) -> bool:
    """Whether the caller may create, replace or delete the target: asked for how it is and for how it shall be."""
    if caller.role is Role.PLATFORM_ADMIN:
        return True
    if caller.role is not Role.TEAM_ADMIN or not sees_team(caller, target.team):
        return False
    if target.kind in _HUNG_UP:
        return target.scope != f"teams/{target.team}"
    return target.kind in _BELOW_TEAMS and (target.role is None or target.role in GRANTABLE)


def may_replace(caller: Authority, target: Target) -> bool:
    """Whether the caller may change or delete what is there already: what the platform has set stays as it was set."""
    is_platforms = target.kind in _HUNG_UP and target.made_by is not Role.TEAM_ADMIN
    return caller.role is Role.PLATFORM_ADMIN or not is_platforms


def chooses_ids(caller: Authority) -> bool:
    """Whether the caller may name keys, policies and budgets: for a team admin a taken name would tell of other teams."""
    return caller.role is Role.PLATFORM_ADMIN


@dataclass(frozen=True, slots=True)
class Sight:
    """Whose spending a caller may know: `team` None is everybody's; `only` are dimensions that every figure must have."""

    team: str | None
    only: tuple[tuple[str, str], ...] = ()

    @property
    def is_whole_team(self) -> bool:
        return not self.only


def spending_sight(caller: Authority, owner: str, key: str) -> Sight:
    """A developer who is a user sees what that user spends with any key, else what the own key alone spends."""
    if caller.role in READERS:
        return Sight(None)
    if caller.role is Role.TEAM_ADMIN:
        return Sight(caller.team)
    user = owner.partition("/users/")[2]
    return Sight(caller.team, (("user", user),) if user else (("key", key),))
