"""Everything that hangs on the levels above a caller applies to him, and each rule knows where it comes from."""

from typing import Any

from shared.directory.model import Area, Budget, Key, Level, Organization, Policy, Team
from shared.leases.model import Held, Smooth
from shared.policy.compile import effective_of
from shared.policy.model import EffectivePolicy
from shared.windows import CalendarPeriod, FixedWindow, Period


def policy(scope: str, **more: Any) -> Policy:
    return Policy.model_validate({"id": f"pol_{scope.split('/')[-1]}", "scope": scope, **more})


def budget(scope: str, **more: Any) -> Budget:
    return Budget.model_validate({"id": f"bud_{scope.split('/')[-1]}", "scope": scope, "amount": "10", **more})


def effective(*hanging: Policy | Budget, key: Key | None = None, team: Team | None = None) -> EffectivePolicy:
    """What applies to a key of the team `search` in the area `retail`."""
    nodes = (
        key or Key(id="vk_1", owner="teams/search"),
        team or Team(id="search", area="retail"),
        Area(id="retail"),
        Organization(),
    )
    levels = tuple(
        Level(
            node.scope,
            node,
            tuple(each for each in hanging if isinstance(each, Policy) and each.scope == node.scope),
            tuple(each for each in hanging if isinstance(each, Budget) and each.scope == node.scope),
        )
        for node in nodes
    )
    return effective_of(levels, "vk_1", "search")


def test_without_rules_everything_is_admitted() -> None:
    applies = effective()

    assert applies == EffectivePolicy()
    assert applies.admits("models", "anything")


def test_a_name_must_fit_the_lists_of_every_level() -> None:
    applies = effective(
        policy("organization", models=["gpt-*", "o3"]),
        team=Team(id="search", area="retail", models=("gpt-4o*",)),
        key=Key(id="vk_1", owner="teams/search", models=("*-mini",)),
    )

    admitted = [name for name in ("gpt-4o-mini", "gpt-4o", "o3", "gpt-5-mini") if applies.admits("models", name)]

    assert admitted == ["gpt-4o-mini"]
    assert {rule.origin.scope for rule in applies.against("models", "o3")} == {"teams/search", "keys/vk_1"}


def test_shadow_rules_admit_and_are_reported_and_off_ones_do_neither() -> None:
    applies = effective(
        policy("organization", models=["a"], mode="shadow"), policy("teams/search", models=["b"], mode="off")
    )

    assert applies.admits("models", "c")
    assert [rule.origin.source for rule in applies.against("models", "c")] == ["pol_organization"]


def test_the_lowest_cap_on_output_is_the_one_that_is_enforced() -> None:
    applies = effective(
        policy("organization", max_output_tokens=500),
        policy("areas/retail", max_output_tokens=100),
        policy("teams/search", max_output_tokens=10, mode="shadow"),
    )

    cap = applies.output_cap()

    assert cap is not None
    assert (cap.limit, cap.origin.scope) == (100, "areas/retail")


def test_each_kind_of_limit_has_its_counter() -> None:
    limits = [
        {"unit": "requests", "limit": 5},
        {"unit": "tokens", "limit": 6, "window_s": 3600, "algorithm": "smooth"},
    ]
    applies = effective(
        policy("teams/search", rate_limits=limits, quotas=[{"tokens": 7, "time_zone": "Asia/Tokyo"}], max_concurrency=2)
    )

    counted = [(rule.unit, rule.allowance.limit, rule.allowance.rule) for rule in applies.counts]

    assert counted == [
        ("calls", 2, Held()),
        ("requests", 5, FixedWindow(60)),
        ("tokens", 6, Smooth(3600)),
        ("tokens", 7, CalendarPeriod(Period.MONTH, "Asia/Tokyo")),
    ]


def test_a_counter_is_the_scopes_or_with_per_key_the_callers_own() -> None:
    limit = [{"unit": "requests", "limit": 5}]
    (shared,) = effective(policy("organization", rate_limits=limit)).counts
    (own,) = effective(policy("organization", rate_limits=limit, per="key")).counts

    assert "vk_1" not in shared.allowance.name
    assert "vk_1" in own.allowance.name


def test_raising_a_limit_keeps_its_counter() -> None:
    before, after = (
        effective(policy("organization", rate_limits=[{"unit": "requests", "limit": limit}])).counts[0]
        for limit in (5, 50)
    )

    assert before.allowance.name == after.allowance.name


def test_budgets_come_last_and_those_above_the_team_tell_no_figures() -> None:
    applies = effective(
        budget("organization"),
        budget("teams/search"),
        policy("keys/vk_1", rate_limits=[{"unit": "tokens", "limit": 1}]),
    )

    assert [rule.unit for rule in applies.counts] == ["tokens", "money", "money"]
    own, above = applies.counts[1:]
    assert (own.label, own.team) == ("budget of 10 per month", "search")
    assert (above.label, above.team) == ("budget per month", None)


def test_only_budgets_that_downshift_are_asked_before_a_plan_is_made() -> None:
    downshift = {"percent": 50, "action": "downshift", "model": "mini"}
    applies = effective(budget("organization"), budget("teams/search", thresholds=[downshift]))

    assert [rule.origin.source for rule in applies.downshifting] == ["bud_search"]


def test_limits_that_are_enforced_are_told_to_the_caller() -> None:
    limit = [{"unit": "requests", "limit": 5}]
    applies = effective(
        policy("organization", rate_limits=limit), policy("teams/search", rate_limits=limit, mode="shadow")
    )

    assert [(unit, [rule.origin.scope for rule in rules]) for unit, rules in applies.told] == [
        ("requests", ["organization"])
    ]
