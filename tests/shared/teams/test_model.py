"""A team may ask for the models that its globs name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.teams.model import Team


@given(st.text())
def test_a_team_without_limits_may_ask_for_anything(model: str) -> None:
    assert Team("t", "T").admits(model)


@given(st.text())
def test_a_team_without_models_may_ask_for_nothing(model: str) -> None:
    assert not Team("t", "T", models=()).admits(model)


@pytest.mark.parametrize(
    ("model", "admitted"),
    [
        ("gpt-4o", True),
        ("gpt-4o-mini", True),
        ("o1", True),
        ("o1-pro", False),
        ("GPT-4o", False),
        ("xgpt-4o", False),
        ("", False),
    ],
)
def test_globs_decide_by_the_exact_name(model: str, admitted: bool) -> None:
    assert Team("t", "T", models=("gpt-4*", "o1")).admits(model) is admitted
