"""The rules of size that keep the code easy to read."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("cli", "functions", "shared", "devhost", "pipelines")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
BANNED = ("Manager", "Helper", "Util", "Utils", "Impl", "Info", "Processor")


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)

    assert text.count("\n") <= 300
    assert [f.name for f in functions(tree) if (f.end_lineno or 0) - f.lineno >= 50] == []


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.stat().st_size], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_module_says_what_it_is_for_and_uses_the_vocabulary(path: Path) -> None:
    tree = ast.parse(path.read_text())

    assert ast.get_docstring(tree), "a module begins with a sentence"
    if path.name == "rpc.py":
        return  # the host's own names
    assert [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name.endswith(BANNED)] == []


def test_a_broad_except_stands_only_at_the_three_edges() -> None:
    broad = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.is_relative_to(ROOT / "shared") or path.is_relative_to(ROOT / "functions")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or getattr(node.type, "id", "") == "Exception")
    }

    assert broad == {"functions/_http.py", "functions/_jobs.py", "shared/telemetry/service.py"}
