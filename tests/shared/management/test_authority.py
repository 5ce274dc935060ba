from hypothesis import given
from hypothesis import strategies as st

from shared.directory.model import Kind, Role
from shared.management.authority import GRANTABLE, Authority, Target, chooses_ids, may_change, may_see, spending_sight

TEAMS = st.sampled_from(["a", "b"])
CALLERS = st.builds(Authority, st.sampled_from(Role), TEAMS)
SCOPES = st.sampled_from(
    ["organization", "areas/x", "teams/a", "teams/b", "teams/a/users/u", "teams/b/users/u", "keys/vk_1"]
)
TARGETS = st.builds(Target, st.sampled_from(Kind), SCOPES, st.none() | TEAMS, st.none() | st.sampled_from(Role))


@given(CALLERS, TARGETS)
def test_who_may_change_something_may_see_it(caller: Authority, target: Target) -> None:
    assert may_see(caller, target) or not may_change(caller, target)


@given(CALLERS, TARGETS)
def test_only_who_reads_everything_sees_beyond_the_own_team(caller: Authority, target: Target) -> None:
    if target.team != caller.team:
        assert may_see(caller, target) == (caller.role in (Role.AUDITOR, Role.PLATFORM_ADMIN))
        assert may_change(caller, target) == (caller.role is Role.PLATFORM_ADMIN)


@given(CALLERS, TARGETS)
def test_developers_see_nothing_and_auditors_change_nothing(caller: Authority, target: Target) -> None:
    if caller.role is Role.DEVELOPER:
        assert not may_see(caller, target)
    if caller.role in (Role.DEVELOPER, Role.AUDITOR):
        assert not may_change(caller, target)


@given(TEAMS, TARGETS)
def test_a_team_admin_changes_only_what_is_strictly_below_the_team(team: str, target: Target) -> None:
    if may_change(Authority(Role.TEAM_ADMIN, team), target):
        assert target.team == team
        assert target.kind not in (Kind.ORGANIZATION, Kind.AREA, Kind.TEAM)
        assert target.scope != f"teams/{team}" or target.kind not in (Kind.POLICY, Kind.BUDGET)
        assert target.role is None or target.role in GRANTABLE or target.kind in (Kind.POLICY, Kind.BUDGET)


@given(CALLERS)
def test_ids_are_chosen_by_platform_admins_alone(caller: Authority) -> None:
    assert chooses_ids(caller) == (caller.role is Role.PLATFORM_ADMIN)


@given(CALLERS, st.sampled_from(["", "/users/ada", "/applications/app"]))
def test_of_spending_a_team_is_told_its_own_and_a_developer_the_own_part(caller: Authority, below: str) -> None:
    sight = spending_sight(caller, f"teams/{caller.team}{below}", "vk_own")

    if caller.role in (Role.PLATFORM_ADMIN, Role.AUDITOR):
        assert (sight.team, sight.only) == (None, ())
    elif caller.role is Role.TEAM_ADMIN:
        assert (sight.team, sight.only) == (caller.team, ())
    else:
        own = ("user", "ada") if below == "/users/ada" else ("key", "vk_own")
        assert (sight.team, sight.only) == (caller.team, (own,))
    assert sight.is_whole_team is (caller.role is not Role.DEVELOPER)
