"""Holds the workflows to their rules: pinned, least permissions, no stored credential, and no logic."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.steps.commands import ROOT
from pipelines.steps.environments import ENVIRONMENTS
from tests.pipelines.templates import expand

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PIPELINE = ROOT / "pipelines" / "azure-pipelines.yml"
DEVOPS = [PIPELINE, *sorted((ROOT / "pipelines" / "templates").glob("*.yml"))]
RUNS = [("new", "all"), ("new", "dev"), ("new", "prod"), ("7", "all"), ("7", "prod")]
YAML_FILES = [*WORKFLOWS, *DEVOPS, ROOT / ".github" / "dependabot.yml", ROOT / "azure.yaml"]
PINNED = re.compile(r"uses: (\./\.github/workflows/[a-z]+\.yml|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")
RULES = (
    "{extends: default, rules: {line-length: {max: 140}, document-start: disable, truthy: {check-keys: false}, "
    "braces: {max-spaces-inside: 1}, comments: {min-spaces-from-content: 1}}}"
)


def tool(name: str) -> str:
    """The path of a linter, which comes with tests/requirements.txt."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def name_of(path: Path) -> str:
    return path.name


def content(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{path.stem}.{name}", job) for path in WORKFLOWS for name, job in content(path)["jobs"].items()]


def linted(*command: str) -> None:
    done = subprocess.run([tool(command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing() -> None:
    linted("actionlint", "-shellcheck=", *map(str, WORKFLOWS))


def test_zizmor_finds_nothing() -> None:
    linted("zizmor", "--offline", "--quiet", str(ROOT / ".github"))


def test_yamllint_finds_nothing() -> None:
    linted("yamllint", "--strict", "-d", RULES, *map(str, YAML_FILES))


@pytest.mark.parametrize(("run", "only"), RUNS)
def test_the_pipeline_of_azure_devops_follows_its_schema(tmp_path: Path, run: str, only: str) -> None:
    expanded = tmp_path / "azure-pipelines.yml"
    expanded.write_text(yaml.safe_dump(expand(PIPELINE, run=run, only=only)))

    rules = ("--regex-variant", "nonunicode", "--builtin-schema", "vendor.azure-pipelines")
    linted("check-jsonschema", *rules, str(expanded))


@pytest.mark.parametrize(
    ("run", "only", "expected"),
    [
        ("new", "all", "package plan_dev deploy_dev plan_staging deploy_staging plan_prod deploy_prod"),
        ("new", "dev", "package plan_dev deploy_dev"),
        ("new", "prod", "package"),
        ("7", "all", "plan_dev deploy_dev plan_staging deploy_staging plan_prod deploy_prod"),
        ("7", "prod", "plan_prod deploy_prod"),
    ],
)
def test_a_new_package_is_in_prod_only_after_all_before_and_an_earlier_one_at_once(
    run: str, only: str, expected: str
) -> None:
    stages = expand(PIPELINE, run=run, only=only)["stages"]

    assert " ".join(stage["stage"] for stage in stages) == expected
    # Without a condition of its own a stage runs only if all before it succeeded.
    assert not [node for stage in stages for node in (stage, *steps_in(stage)) if "condition" in node]
    told = str(stages)
    assert ("deploy_infra apply" in told) is (run == "new" and only != "prod")
    assert ("steps.origin" in told) is (run != "new")


@pytest.mark.parametrize(("run", "only"), RUNS)
def test_what_a_stage_is_handed_on_is_put_out_by_the_stage_before_it(run: str, only: str) -> None:
    stages = expand(PIPELINE, run=run, only=only)["stages"]
    handed_on = re.compile(r"\$\[ stageDependencies\.(\w+)\.(\w+)\.outputs\['(\w+)\.sha256'\] \]")

    asked = [(before, job) for before, stage in pairwise(stages) for job in stage["jobs"] if "variables" in job]
    assert len(asked) == len([stage for stage in stages if stage["stage"].startswith("deploy_")])
    for before, job in asked:
        found = handed_on.fullmatch(job["variables"]["sha256"])
        assert found
        named = [(each["job"], step["name"]) for each in before["jobs"] for step in each["steps"] if "name" in step]
        assert (before["stage"], [(found[2], found[3])]) == (found[1], named)
        (step,) = [step for step in steps_in(job) if "deploy_app" in str(step)]
        assert step["env"] == {"SHA256": "$(sha256)"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_called_workflow_wants_no_more_than_its_caller_may(path: Path) -> None:
    for job in [job for job in content(path)["jobs"].values() if "uses" in job]:
        called = content(ROOT / job["uses"])
        wanted = [called.get("permissions", {}), *(each.get("permissions", {}) for each in called["jobs"].values())]
        assert all(each.items() <= job["permissions"].items() for each in wanted)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]

    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


def test_an_action_has_one_commit_everywhere() -> None:
    found = re.findall(r"uses: ([\w/-]+)@(\w+)", "".join(path.read_text() for path in WORKFLOWS))

    assert len({action for action, _ in found}) == len(set(found))


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_job_may_no_more_than_it_says(path: Path) -> None:
    assert content(path)["permissions"] in ({}, {"contents": "read"})


def test_only_the_release_may_write_to_the_repository() -> None:
    writers = {name for name, job in jobs() if job.get("permissions", {}).get("contents") == "write"}

    assert writers == {"release.publish"}


@pytest.mark.parametrize("path", [*WORKFLOWS, *DEVOPS], ids=name_of)
def test_no_credential_is_stored(path: Path) -> None:
    assert not re.search(r"secrets\.|client-secret|creds:|password", path.read_text(), re.IGNORECASE)


def steps_in(node: Any) -> list[dict[str, Any]]:
    """Every step of a workflow or pipeline."""
    if isinstance(node, dict):
        return [
            *node.get("steps", []),
            *(step for key, value in node.items() if key != "steps" for step in steps_in(value)),
        ]
    return [step for value in node for step in steps_in(value)] if isinstance(node, list) else []


def commands_of(path: Path) -> list[str]:
    """The commands of a workflow; of the pipeline of Azure DevOps, those of every way to run it."""
    documents = [content(path)] if path not in DEVOPS else [expand(PIPELINE, run=run, only=only) for run, only in RUNS]
    found = [{**step, **step.get("inputs", {})} for document in documents for step in steps_in(document)]
    return [step[key] for step in found for key in ("run", "script", "inlineScript") if key in step]


@pytest.mark.parametrize("path", [*WORKFLOWS, PIPELINE], ids=name_of)
def test_a_step_is_one_command_that_runs_anywhere(path: Path) -> None:
    for command in commands_of(path):
        assert "\n" not in command.strip()
        assert not re.search(r"&&|\|\||;|\bif\b", command), command
        modules = re.findall(r"python -m ([\w.]+)", command)
        assert command.split()[0] in ("make", "pip-audit", "zizmor", "gh") or modules
        for module in modules:
            assert module == "pip" or (ROOT / (module.replace(".", "/") + ".py")).is_file(), module


def test_commands_are_found() -> None:
    assert len(commands_of(ROOT / ".github" / "workflows" / "environment.yml")) == 7
    assert len([step for step in steps_in(expand(PIPELINE, run="new", only="dev")) if "checkout" not in step]) > 8


def test_both_pipelines_take_the_same_steps() -> None:
    def steps(*paths: Path) -> set[str]:
        return {
            step for path in paths for step in re.findall(r"(?:-m (pipelines\.steps\.\w+)|make \w+)", path.read_text())
        }

    github = [path for path in WORKFLOWS if path.stem in ("deploy", "environment")]
    assert steps(*github) == steps(*DEVOPS)


def test_environments_are_deployed_in_order_with_the_package_of_one_run() -> None:
    deploys = content(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]

    assert [name for name in deploys if name in ENVIRONMENTS] == list(ENVIRONMENTS)
    assert deploys["staging"]["needs"] == ["package", "dev"]
    assert deploys["prod"]["needs"] == ["package", "staging"]
    assert {deploys[name]["with"]["run"] for name in ENVIRONMENTS} == {"${{ inputs.run || github.run_id }}"}
    assert [name for name, job in jobs() if any("make package" in str(step) for step in job.get("steps", []))] == [
        "deploy.package",
    ]  # fmt: skip
    assert {deploys[name]["with"]["sha256"] for name in ENVIRONMENTS} == {"${{ needs.package.outputs.sha256 }}"}


def deployed(run: str, only: str, **ended: str) -> list[str]:
    """The environments whose job runs; `ended` says how a job ends that does not succeed."""
    results = {"package": "skipped" if run else ended.get("package", "success")}
    for name in ENVIRONMENTS:
        is_run = condition_holds(name, run, only, results)
        results[name] = ended.get(name, "success") if is_run else "skipped"
    return [name for name in ENVIRONMENTS if results[name] != "skipped"]


def condition_holds(name: str, run: str, only: str, results: dict[str, str]) -> bool:
    """Whether the job runs by its condition."""
    job = content(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"][name]
    python = job["if"].strip("${ }").replace("!cancelled()", "True")
    python = python.replace("inputs.run", repr(run)).replace("inputs.only", repr(only))
    needed = [job["needs"]] if isinstance(job["needs"], str) else job["needs"]
    python = re.sub(
        r"needs\.(\w+)\.result", lambda match: repr({key: results[key] for key in needed}[match[1]]), python
    )
    python = re.sub(r"contains\(fromJSON\('(\[.*?\])'\), (.*?)\)", r"((\2) in \1)", python)
    return bool(eval(python.replace("||", "or").replace("&&", "and"), {"__builtins__": {}}))  # noqa: S307


@pytest.mark.parametrize(
    ("run", "only", "expected"),
    [
        ("", "", ["dev", "staging", "prod"]),
        ("", "all", ["dev", "staging", "prod"]),
        ("", "dev", ["dev"]),
        ("", "staging", []),
        ("", "prod", []),
        ("7", "all", ["dev", "staging", "prod"]),
        ("7", "prod", ["prod"]),
    ],
)
def test_a_new_package_passes_every_environment_before_prod(run: str, only: str, expected: list[str]) -> None:
    assert deployed(run, only) == expected


@pytest.mark.parametrize("how", ["failure", "cancelled"])  # what runs out of time is cancelled, not failed
def test_what_did_not_succeed_stops_what_comes_after_it(how: str) -> None:
    assert deployed("", "", package=how) == []
    assert deployed("", "", dev=how) == ["dev"]
    assert deployed("7", "all", staging=how) == ["dev", "staging"]


def test_what_is_merged_is_tested_though_more_is_merged_meanwhile() -> None:
    concurrency = content(ROOT / ".github" / "workflows" / "ci.yml")["concurrency"]

    assert concurrency["group"] == "ci-${{ github.event_name == 'pull_request' && github.ref || github.run_id }}"


def test_what_was_shown_to_those_who_approve_is_what_is_deployed() -> None:
    environment = content(ROOT / ".github" / "workflows" / "environment.yml")["jobs"]
    plan, deploy = (
        [str(step.get("run", step.get("uses"))) for step in environment[name]["steps"]] for name in environment
    )

    assert environment["plan"]["outputs"]["sha256"] == "${{ steps.package.outputs.sha256 }}"
    assert environment["deploy"]["env"]["SHA256"] == "${{ needs.plan.outputs.sha256 }}"
    assert any('deploy_app "$ENVIRONMENT" dist/tollgate.zip --sha256 "$SHA256"' in step for step in deploy)
    (checked,) = [index for index, step in enumerate(plan) if "steps.origin" in step]
    (fetched,) = [index for index, step in enumerate(plan) if "download-artifact" in step]
    assert checked < fetched


def test_a_release_has_the_package_that_was_deployed() -> None:
    bundle = content(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["bundle"]["steps"]

    assert [step["run"] for step in bundle if "origin" in step.get("run", "")] == [
        'python -m pipelines.steps.origin --commit "$GITHUB_SHA"'
    ]
    assert [step["with"]["subject-path"] for step in bundle if "attest" in step.get("uses", "")] == [
        "dist/tollgate-*.zip"
    ]


def test_a_deployment_waits_for_a_plan_that_needs_no_approval() -> None:
    environment = content(ROOT / ".github" / "workflows" / "environment.yml")["jobs"]

    assert environment["plan"]["environment"] == "${{ inputs.environment }}-plan"
    assert environment["deploy"]["environment"] == "${{ inputs.environment }}"
    assert environment["deploy"]["needs"] == "plan"
    assert "smoke_environment" in environment["deploy"]["steps"][-1]["run"]


@pytest.mark.parametrize("fault", ["uses: actions/checkout@v4", "runs-on: ubuntu-24.4", "needs: nothing"])
def test_the_linters_would_find_a_fault(tmp_path: Path, fault: str) -> None:
    key = fault.partition(":")[0]
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "deploy.yml").write_text(re.sub(rf"{key}: [^./\n].*", fault, text, count=1))

    found = [
        subprocess.run([tool(name), *rest, str(folder / "deploy.yml")], cwd=tmp_path, capture_output=True, check=False)
        for name, *rest in (("actionlint", "-shellcheck="), ("zizmor", "--offline", "--quiet"))
    ]
    assert any(done.returncode for done in found)
