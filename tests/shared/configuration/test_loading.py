"""Whatever is wrong with the file is named with its line and its field, and never with a secret."""

import json
from pathlib import Path

import pytest
import yaml

from shared.configuration.loading import MAX_DEPTH, ConfigurationInvalid, Problem, configuration_of, load_configuration
from shared.settings import Settings
from tests.shared.configuration.files import VALID, changed, load

ROOT = Path(__file__).parents[3]


def problems(text: str | bytes, tmp_path: Path, **environment: str) -> list[Problem]:
    with pytest.raises(ConfigurationInvalid) as refused:
        load(text, tmp_path, **environment)
    for problem in refused.value.problems:
        assert f"gateway.yaml:{problem.line}: {problem.field}: {problem.message}" in str(refused.value)
    return refused.value.problems


def places(text: str | bytes, tmp_path: Path, **environment: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.field) for problem in problems(text, tmp_path, **environment)]


def test_the_shipped_file_is_valid() -> None:
    config = load_configuration(ROOT / "devhost" / "gateway.yaml", {"AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9000/"})

    assert config.deployments[0].endpoint == "http://127.0.0.1:9000"
    assert {key.owner for key in config.keys} == {"teams/demo", "teams/platform"}


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    config = load(VALID, tmp_path)

    assert config.deployments[0].provider == "azure_openai"
    assert config.deployments[0].scope == "https://cognitiveservices.azure.com/.default"
    assert config.routes[0].targets[0].weight == 1
    assert config.teams[0].models == ("*",)
    assert config.keys[0].expires_at is None
    assert (config.retry.attempts, config.body.json_mb, config.stream.keep_alive_s) == (3, 32, 15.0)


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("version: 1", "version: 2", 1, "version"),
        ("version: 1", "version: one", 1, "version"),
        ("    region: eastus", "    regoin: eastus", 5, "deployments[0].regoin"),
        ("    region: eastus", "    timeouts:\n      conect_s: 1", 6, "deployments[0].timeouts.conect_s"),
        ("    region: eastus", "    nested:\n      deeper:\n        x: 1", 5, "deployments[0].nested"),
        ("  - name: east\n", "  - provider: azure_openai\n", 3, "deployments[0].name"),
        ("name: east", "name: [east]", 3, "deployments[0].name"),
        ("name: east", "name: -east", 3, "deployments[0].name"),
        ("name: east", "name:", 3, "deployments[0].name"),
        ("    endpoint: https://east.example\n", "", 3, "deployments[0].endpoint"),
        ("https://east.example", "http://east.example", 4, "deployments[0].endpoint"),
        ("https://east.example", "http://10.0.0.1", 4, "deployments[0].endpoint"),
        ("https://east.example", "ftp://east.example", 4, "deployments[0].endpoint"),
        ("https://east.example", "east.example", 4, "deployments[0].endpoint"),
        ("https://east.example", "https://", 4, "deployments[0].endpoint"),
        ("https://east.example", "https://east.example:99999", 4, "deployments[0].endpoint"),
        ("https://east.example", "https://[east", 4, "deployments[0].endpoint"),
        ("https://east.example", "https://ea st.example", 4, "deployments[0].endpoint"),
        ("https://east.example", "https://me:hunter2@east.example", 4, "deployments[0].endpoint"),
        ("https://east.example", "https://east.example?sig=hunter2", 4, "deployments[0].endpoint"),
        ("https://east.example", "env:MISSING", 4, "deployments[0].endpoint"),
        ("https://east.example", "7", 4, "deployments[0].endpoint"),
        ("    region: eastus", "    scope: everything", 5, "deployments[0].scope"),
        ("    region: eastus", "    api_version: yesterday", 5, "deployments[0].api_version"),
        ("    region: eastus", "    provider: google", 5, "deployments[0].provider"),
        ("    region: eastus", "    provider: openai_compatible", 3, "deployments[0]"),
        ("    region: eastus", "    secret_ref: env:KEY", 3, "deployments[0]"),
        ("alias: gpt-4o", "alias: gpt 4o", 7, "routes[0].alias"),
        ("    targets:\n      - deployment: east", "    targets: []", 8, "routes[0].targets"),
        ("    targets:\n      - deployment: east", "    targets:\n      deployment: east", 8, "routes[0].targets"),
        ("- deployment: east", "- deployment: wset", 9, "routes[0].targets[0].deployment"),
        ("- deployment: east", "- {deployment: east, weight: 0}", 9, "routes[0].targets[0].weight"),
        ("- deployment: east", "- {deployment: east, priority: high}", 9, "routes[0].targets[0].priority"),
        ("teams:\n  - id: research\n", "", 12, "keys[0].owner"),
        ("  - id: research\n", "  - id: research\n    models: []\n", 12, "teams[0].models"),
        ("  - id: research\n", "  - id: research\n  - id: research\n", 12, "teams[1].id"),
        ("  - id: research\n", "  - id: research\n    cost_center: 4711\n", 12, "teams[0].cost_center"),
        ("owner: teams/research", "owner: teams/reserach", 14, "keys[0].owner"),
        ("owner: teams/research", "owner: research", 14, "keys[0].owner"),
        ("env:KEY", "env:KEY\npolicies:\n  - {id: pol_a, scope: teams/nobody}", 17, "policies[0].scope"),
        ("env:KEY", "env:KEY\nbudgets:\n  - {id: bud_a, scope: organization, amount: -1}", 17, "budgets[0].amount"),
        ("env:KEY", "env:KEY\nprices:\n  - {model: gpt-4o}", 17, "prices[0]"),
        ("id: vk_1", "id: key-1", 13, "keys[0].id"),
        ("env:KEY", "sk-plain-secret", 15, "keys[0].secret_ref"),
        ("env:KEY", "kv://vault", 15, "keys[0].secret_ref"),
        ("env:KEY", "env:KEY\n    expires_at: 2026-01-01T00:00:00", 16, "keys[0].expires_at"),
        ("env:KEY", "env:KEY\n    expires_at: 2026-13-45", 16, "keys[0].expires_at"),
        ("env:KEY", "env:KEY\n    expires_at: soon", 16, "keys[0].expires_at"),
        ("env:KEY", "env:KEY\n    disabled: perhaps", 16, "keys[0].disabled"),
        ("env:KEY", "env:KEY\n    disabled: !!bool perhaps", 16, "keys[0].disabled"),
        ("env:KEY", "env:KEY\nobjects_deployment: west", 16, "objects_deployment"),
        ("env:KEY", "env:KEY\nretry: {attempts: 0}", 16, "retry.attempts"),
        ("env:KEY", "env:KEY\nretry: {max_wait_s: .nan}", 16, "retry.max_wait_s"),
        ("env:KEY", "env:KEY\nbody:\n  json_mb: 1.5", 17, "body.json_mb"),
        ("env:KEY", "env:KEY\nstream:\n  keep_alive_s: 0", 17, "stream.keep_alive_s"),
        ("    region: eastus", "    region: eastus\n    region: westus", 6, "deployments[0].region"),
        ("env:KEY", "env:KEY\nversion: 1", 16, "version"),
        ("env:KEY", "env:KEY\n<<: {retry: {attempts: 2}}", 16, "<<"),
        ("    region: eastus", "    {{region}}: eastus", 5, "deployments[0]"),
    ],
)
def test_one_mistake_is_named_with_its_line_and_field(
    old: str, new: str, line: int, field: str, tmp_path: Path
) -> None:
    assert places(changed(old, new), tmp_path) == [(line, field)]


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("", 1, "file"),
        ("# only a comment\n", 1, "file"),
        ("- version: 1\n", 1, "file"),
        ("version", 1, "file"),
        ("version: 1\n  deployments: []\n", 2, "yaml"),
        ("version: 1\nteams: [\n", 3, "yaml"),
        ("version: 1\n\tteams: []\n", 2, "yaml"),
        ("version: 1\n---\nversion: 1\n", 2, "yaml"),
        ("version: 1\nteams: *nobody\n", 2, "yaml"),
        ("a: &x 1\nb: &x 2\n", 2, "yaml"),
        (b"version: \xff\n", 1, "yaml"),
        (b"version: \0\n", 1, "yaml"),
        ("version: 1\nteams: " + "[" * 100_000, 2, "yaml"),
        ("version: 1\nteams: " + "[" * 20_000 + "]" * 20_000, 2, "yaml"),
        ("version: 1\nteams: " + "{a: " * 20_000 + "1" + "}" * 20_000, 2, "yaml"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_not_a_configuration_at_all_is_named_too(
    text: str | bytes, line: int, field: str, tmp_path: Path
) -> None:
    assert places(text, tmp_path) == [(line, field)]


def test_a_misspelt_field_is_unknown_and_the_right_one_missing(tmp_path: Path) -> None:
    assert places(changed("version: 1", "verison: 1"), tmp_path) == [(1, "version"), (1, "verison")]


def test_anchors_may_be_used(tmp_path: Path) -> None:
    text = VALID.replace("    region: eastus\n", "    region: eastus\n    timeouts: &patient {idle_s: 300}\n")
    text = text.replace("routes:", "  - {name: west, endpoint: https://west.example, timeouts: *patient}\nroutes:")

    assert [deployment.timeouts.idle_s for deployment in load(text, tmp_path).deployments] == [300, 300]


@pytest.mark.parametrize(
    "text", ["teams: &all [*all]", "teams: &all\n  - id: *all", "teams: [&all {id: [*all, *all]}]"]
)
def test_what_contains_itself_is_named(text: str, tmp_path: Path) -> None:
    assert "contains itself" in [problem.message for problem in problems(text, tmp_path)]


def test_a_file_may_be_nested_as_deep_as_it_needs(tmp_path: Path) -> None:
    depth = MAX_DEPTH - 1
    text = VALID + "extra: " + "[" * depth + "]" * depth

    assert places(text, tmp_path) == [(16, "extra")]
    assert places(VALID + "extra: [" + "[" * depth + "]" * depth + "]", tmp_path) == [(16, "yaml")]


def test_several_mistakes_are_told_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        VALID.replace("version: 1", "version: 3")
        .replace("https://east.example", "env:MISSING")
        .replace("    region: eastus", "    region: a\n    region: b\n    colour: red")
        .replace("- deployment: east", "- {deployment: east, weight: -1}")
        .replace("env:KEY", "hunter2")
    )

    assert places(text, tmp_path) == [
        (1, "version"),
        (4, "deployments[0].endpoint"),
        (6, "deployments[0].region"),
        (7, "deployments[0].colour"),
        (11, "routes[0].targets[0].weight"),
        (17, "keys[0].secret_ref"),
    ]


def test_all_dangling_and_doubled_names_are_told_together(tmp_path: Path) -> None:
    text = (
        VALID.replace("- deployment: east", "- deployment: north\n      - deployment: south")
        .replace("owner: teams/research", "owner: teams/nobody")
        .replace("teams:", "  - {alias: gpt-4o, targets: [{deployment: east}]}\nteams:")
    )

    assert places(text, tmp_path) == [
        (9, "routes[0].targets[0].deployment"),
        (10, "routes[0].targets[1].deployment"),
        (11, "routes[1].alias"),
        (16, "keys[0].owner"),
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]", "127.0.0.1:7071"])
def test_plain_http_is_for_this_machine_only(host: str, tmp_path: Path) -> None:
    assert load(changed("https://east.example", f"http://{host}"), tmp_path).deployments[0].endpoint == f"http://{host}"


@pytest.mark.parametrize(
    "host", ["127.0.0.1.example", "localhost.example", "0.0.0.0", "[::2]", "127.0.0.1@evil.example"]
)
def test_what_only_looks_like_this_machine_needs_https(host: str, tmp_path: Path) -> None:
    assert places(changed("https://east.example", f"http://{host}"), tmp_path) == [(4, "deployments[0].endpoint")]


def test_an_endpoint_of_the_environment_is_checked_like_any_other(tmp_path: Path) -> None:
    text = changed("https://east.example", "env:ENDPOINT")

    assert load(text, tmp_path, ENDPOINT="https://real.example/").deployments[0].endpoint == "https://real.example"
    assert places(text, tmp_path, ENDPOINT="http://real.example") == [(4, "deployments[0].endpoint")]
    assert places(text, tmp_path, ENDPOINT="") == [(4, "deployments[0].endpoint")]


def test_a_file_that_is_not_there_is_not_a_mistake_in_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_configuration(tmp_path / "nowhere.yaml", {})


def test_the_configuration_can_stand_in_a_setting_as_json(tmp_path: Path) -> None:
    whole = yaml.safe_load(VALID)
    environment = {"TOLLGATE_CONFIG_INLINE": json.dumps(whole)}

    assert configuration_of(Settings.from_environment(environment)) == load(VALID, tmp_path)

    whole["keys"][0]["team"] = "teams/nobody"
    with pytest.raises(ConfigurationInvalid) as refused:
        configuration_of(Settings.from_environment({"TOLLGATE_CONFIG_INLINE": json.dumps(whole)}))
    assert "TOLLGATE_CONFIG_INLINE:1: keys[0].team: is not a known field" in str(refused.value)
