from pathlib import Path

import pytest

from pipelines.steps.commands import ROOT
from pipelines.steps.roles import FORBIDDEN, PLANNER_ACTIONS, RolesUnsafe, assigned_by_templates, condition_for


def test_the_roles_are_those_that_the_templates_name_without_cosmos_own(infra: Path) -> None:
    assert assigned_by_templates(infra) == ["69a216fc-b8fb-44d8-bc22-1f3c2cd27a39"]


def test_our_templates_assign_nothing_that_a_pipeline_may_not_pass_on() -> None:
    found = assigned_by_templates(ROOT / "infra-bicep")

    assert found
    assert not FORBIDDEN & set(found)


def test_templates_without_roles_are_not_taken_for_safe(tmp_path: Path) -> None:
    with pytest.raises(RolesUnsafe, match="no role"):
        assigned_by_templates(tmp_path)


def test_the_condition_holds_for_giving_and_for_taking_away() -> None:
    condition = condition_for(["a", "b"])

    assert condition.count("ForAnyOfAnyValues:GuidEquals {a, b}") == 2
    assert "@Request[" in condition
    assert "@Resource[" in condition
    assert condition.count("(") == condition.count(")")


def test_the_planner_may_write_nothing_not_even_a_deployment() -> None:
    assert not [action for action in PLANNER_ACTIONS if action.endswith(("/write", "/delete", "/*"))]
