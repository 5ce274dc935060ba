"""Holds the documentation to the code: what the reference lists, what the examples show, and where the links lead."""

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import shared
from shared.configuration.loading import load_configuration
from shared.configuration.model import Configuration
from shared.directory.model import Policy
from shared.errors import GatewayError
from shared.fields import Few, Some, SomeFew
from shared.providers.base import Operation
from shared.providers.model import Deployment
from shared.usage.model import NO_USAGE, Attribution, Outcome, Source, Timings, UsageEvent
from shared.wire.openai.endpoints import CHAT_COMPLETIONS, ENDPOINTS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SHARED = sorted((ROOT / "shared").rglob("*.py"))
WRITTEN = ("*.md", "docs/**/*.md", "devhost/**/*.md", "infra-bicep/**/*.md", "tests/**/*.md")
PAGES = sorted({page for pattern in WRITTEN for page in ROOT.glob(pattern)})

FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def rows(page: str, heading: str = "") -> list[list[str]]:
    """The cells of every table row whose first cell is code, below a heading or on the whole page, without backticks."""
    text = (REFERENCE / page).read_text()
    if heading:
        text = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def blocks(language: str) -> list[tuple[Path, str]]:
    return [
        (page, "\n".join(line.removeprefix(indent) for line in body.splitlines()) + "\n")
        for page in PAGES
        for indent, info, body in FENCE.findall(page.read_text())
        if info == language
    ]


def name_of(block: tuple[Path, str]) -> str:
    return str(block[0].relative_to(ROOT))


def test_every_operation_is_documented_and_no_other() -> None:
    documented = {(row[0], row[1]) for row in rows("http-api.md") if " /v1/" in row[0]}

    assert documented == {(f"{endpoint.method} /v1/{endpoint.path}", endpoint.name) for endpoint in ENDPOINTS}


def test_the_operations_below_a_deployment_are_marked() -> None:
    marked = {row[1] for row in rows("http-api.md", "Calls that name a model") if row[4] == "yes"}

    assert marked == {endpoint.name for endpoint in ENDPOINTS if endpoint.by_deployment}


def kinds_of_error() -> dict[str, type[GatewayError]]:
    """Every kind of GatewayError in the code, by its class name."""
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    found = {"GatewayError": GatewayError}
    pending = [GatewayError]
    while pending:
        kinds = pending.pop().__subclasses__()
        found.update({kind.__name__: kind for kind in kinds if kind.__module__.startswith("shared.")})
        pending.extend(kinds)
    return found


def codes_in_calls(kinds: dict[str, type[GatewayError]]) -> Iterator[tuple[str, int]]:
    """The codes that are given where an error is made: `BadRequest(…, code="invalid_json")`."""
    for path in [*SHARED, ROOT / "functions" / "_http.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                for keyword in node.keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                        yield str(keyword.value.value), kinds[node.func.id].status


def test_every_error_code_is_documented_with_its_status_and_no_other() -> None:
    kinds = kinds_of_error()
    raised = {(str(kind.code), kind.status) for kind in kinds.values()} | set(codes_in_calls(kinds))
    # ObjectNotFound chooses between two codes.
    raised.add(("previous_response_not_found", 404))

    assert {(row[0], int(row[1])) for row in rows("errors.md")} == raised


def models_in(annotation: object) -> list[type[BaseModel]]:
    """The pydantic models that a field's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def is_list(annotation: object) -> bool:
    return get_origin(annotation) in (tuple, Some, Few, SomeFew) or any(map(is_list, get_args(annotation)))


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """The fields that a file can set, written as in `keys[].owner`; sections are left out for what is in them."""
    for name, field in model.model_fields.items():
        sections, repeats = models_in(field.annotation), is_list(field.annotation)
        if not sections or (prefix and repeats):
            yield f"{prefix}{name}", field
        for section in sections:
            yield from fields_of(section, f"{prefix}{name}{'[]' if repeats else ''}.")


def written(default: object) -> str:
    """A default as the reference shows it: of models, what their own defaults do not say."""
    if isinstance(default, tuple):
        default = [item.model_dump(exclude_defaults=True) if isinstance(item, BaseModel) else item for item in default]
    return json.dumps(default)


def test_every_field_of_the_configuration_is_documented_with_its_default() -> None:
    expected = {
        name: "required" if field.is_required() else written(field.default) for name, field in fields_of(Configuration)
    }

    documented = {row[0]: row[2] for row in rows("configuration.md") if not row[0].startswith(("env:", "kv:", "db:"))}
    assert documented == expected


def test_every_rule_of_a_policy_is_documented() -> None:
    rules = set(Policy.model_fields) - {"id", "scope", "name", "mode", "per"}

    assert {row[0] for row in rows("policies.md", "Rules")} == rules


def containers() -> set[str]:
    """The containers of the store that any module names."""
    modules = [importlib.import_module(module.name) for module in pkgutil.walk_packages(shared.__path__, "shared.")]
    names = ("CONTAINER", "CURSORS", "OUTBOX", "OWNERS", "BELONGINGS")
    return {getattr(module, name) for module in modules for name in names if hasattr(module, name)}


def test_every_container_of_the_store_is_documented() -> None:
    text = (ROOT / "infra-bicep" / "README.md").read_text()

    assert {row.split("`")[1] for row in text.splitlines() if row.startswith("| `")} == containers()


def event() -> dict[str, object]:
    return UsageEvent(
        "req_1", datetime(2026, 1, 1, tzinfo=UTC), "chat.completions", Attribution("t", "vk"), 200, Outcome.COMPLETED, NO_USAGE,
        Timings(None, 1),
    ).to_json()  # fmt: skip


def keys_of(value: object) -> set[str]:
    assert isinstance(value, dict)
    return set(value)


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Fields", keys_of(event())),
        ("Tokens", keys_of(event()["tokens"])),
        ("Units", keys_of(event()["units"])),
        ("Outcomes", {outcome.value for outcome in Outcome}),
        ("Sources", {source.value for source in Source}),
    ],
)
def test_usage_events_are_documented_completely(heading: str, expected: set[str]) -> None:
    assert {row[0] for row in rows("usage-events.md", heading)} == expected


def test_the_example_of_a_usage_event_has_exactly_the_fields_of_one() -> None:
    (example,) = [json.loads(body) for page, body in blocks("json") if page.name == "usage-events.md"]

    assert list(example) == list(event())


def test_every_setting_is_documented() -> None:
    read = re.compile(r"""(?:env\.get\(|_default\(env, |_number\(env, )\s*"(\w+)\"""")
    sources = [ROOT / "shared" / "settings.py", ROOT / "devhost" / "environment.py"]
    names = {name for source in sources for name in read.findall(source.read_text())} - {"HOME"}

    documented = {row[0] for row in rows("settings.md")}
    assert names - documented == set()
    assert {"AZURE_OPENAI_ENDPOINT", "TOLLGATE_CONFIG", "PORT"} <= documented


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    dead = [
        link for link in LINK.findall(text) if not link.startswith(("https://", "http://")) and not leads(page, link)
    ]

    assert dead == []


def leads(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(target)


def anchors(page: Path) -> set[str]:
    """The headings as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


COMPLETE = blocks("yaml complete")


@pytest.mark.parametrize("block", COMPLETE, ids=map(name_of, COMPLETE))
def test_complete_examples_of_a_configuration_load(block: tuple[Path, str], tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(block[1])
    environment = dict.fromkeys(re.findall(r"env:(\w+)", block[1]), "https://example.openai.azure.com")

    assert load_configuration(path, environment).version == 1


PYTHON = blocks("python")


@pytest.mark.parametrize("block", PYTHON, ids=map(name_of, PYTHON))
def test_python_examples_are_python(block: tuple[Path, str]) -> None:
    assert ast.parse(block[1]).body


def test_the_example_of_a_provider_writes_a_request() -> None:
    module = next(body for page, body in PYTHON if page.name == "add-a-provider.md")
    names: dict[str, object] = {}
    exec(compile(module, "house_models.py", "exec"), names)
    provider = names["HouseModels"]()  # type: ignore[operator]
    deployment = Deployment("house", "house_models", "https://models.example/v1", "{model}", secret_ref="env:HOUSE")

    operation = Operation(
        CHAT_COMPLETIONS, "POST", "chat/completions", "x=1", [("content-type", "application/json")], b"{}"
    )
    request = provider.request(operation, deployment, "llama", "house-secret")

    assert provider.lacks(CHAT_COMPLETIONS) is None
    assert request.url == "https://models.example/v1/chat/completions?x=1"
    assert request.headers == (("content-type", "application/json"), ("x-api-key", "house-secret"))


def test_decisions_are_listed_in_their_order_and_keep_the_template() -> None:
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(folder.glob("[0-9]*.md"))
    index = (folder / "README.md").read_text()

    assert re.findall(r"\((\d{4}-[\w-]+\.md)\)", index) == [page.name for page in decisions]
    for page in decisions:
        headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Alternatives"], page.name
