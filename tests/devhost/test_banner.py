from pathlib import Path

import pytest

from devhost.banner import Facts, example_model, example_team, render


def facts(config: Path) -> Facts:
    return Facts("http://127.0.0.1:7071", "sk-demo", "sk-operator", config, Path(".local"), "the simulator", 4, 2, 1)


def test_a_configuration_without_the_demo_key_does_not_show_one(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("routes: [{alias: mine}]\nkeys: [{secret_ref: env:MINE}]")

    text = render(facts(config))

    assert "sk-demo" not in text
    assert "sk-operator" not in text
    assert "console    http://127.0.0.1:7071/console" in text
    assert 'model="mine"' in text


@pytest.mark.parametrize(
    ("config", "model"),
    [
        ("routes: [{alias: gpt-4o}, {alias: gpt-4o-mini}]", "gpt-4o-mini"),
        ('routes: [{alias: "gpt-*"}, {alias: mine}]', "mine"),
        ('routes: [{alias: "*"}]', "gpt-4o-mini"),
        ("routes: []", "gpt-4o-mini"),
        ("", "gpt-4o-mini"),
        ("[1]", "gpt-4o-mini"),
        ("routes: [1]", "gpt-4o-mini"),
        ("{", "gpt-4o-mini"),
    ],
)
def test_the_examples_ask_for_a_model_that_is_routed(config: str, model: str) -> None:
    assert example_model(config) == model


@pytest.mark.parametrize(
    ("config", "team"),
    [
        ("teams: [{id: platform}, {id: demo}]", "demo"),
        ("teams: [{id: search}, {id: platform}]", "search"),
        ("teams: [{name: Search}]", "demo"),
        ("routes: []", "demo"),
    ],
)
def test_the_example_of_a_key_is_for_a_team_that_there_is(config: str, team: str) -> None:
    assert example_team(config) == team
