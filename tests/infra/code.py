"""What the code asks of its surroundings, read from the code itself: containers, queues, settings, metrics."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORE_METHODS = ("get", "create", "replace", "upsert", "delete", "batch", "query", "changes", "feed", "watch")


@cache
def module(path: Path) -> ast.Module:
    """The parsed source of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def sources(*folders: str) -> Iterator[Path]:
    """All Python files below folders of the repository."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def constants(path: Path) -> dict[str, str]:
    """The strings that a module binds to names at its top, by itself or by import."""
    found: dict[str, str] = {}
    for node in module(path).body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            source = ROOT / (node.module.replace(".", "/") + ".py")
            known = constants(source) if source.is_file() else {}
            found |= {alias.asname or alias.name: known[alias.name] for alias in node.names if alias.name in known}
        elif isinstance(node, ast.Assign):
            found |= _bound(node.targets[0], node.value)
    return found


def _bound(target: ast.expr, value: ast.expr) -> dict[str, str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return {
            name: text for pair in zip(target.elts, value.elts, strict=True) for name, text in _bound(*pair).items()
        }
    if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
        return {target.id: value.value}
    return {}


@cache
def containers() -> set[str]:
    """The Cosmos containers: the first argument of what is called on a store of documents."""
    return {name for path in sources("shared") for node in ast.walk(module(path)) for name in _container(node, path)}


def _container(node: ast.AST, path: Path) -> Iterator[str]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return
    owner = ast.unparse(node.func.value)
    if node.func.attr in STORE_METHODS and re.search(r"(^|[._])documents$", owner):
        first = node.args[0]
        if isinstance(first, ast.Constant):
            yield str(first.value)
        elif isinstance(first, ast.Name) and first.id in constants(path):
            yield constants(path)[first.id]


@cache
def strings(*folders: str) -> set[str]:
    """Every string that stands in the code of folders, docstrings included."""
    nodes = (node for path in sources(*folders) for node in ast.walk(module(path)))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


_SETTING = re.compile(r"(TOLLGATE|APPLICATIONINSIGHTS|AZURE|OTEL)_[A-Z_]+|[A-Z][A-Za-z]+__[a-z][A-Za-z]+")


def settings() -> set[str]:
    """The names of all settings that the code reads."""
    return {text for text in strings("shared", "functions") if _SETTING.fullmatch(text)}


def bindings(keyword: str, calling: str = "") -> set[str]:
    """What the functions' triggers say for a keyword, such as `queue_name`; of those files only that call a function `calling`."""
    return {
        text
        for path in sources("functions")
        if not calling or f"{calling}(" in path.read_text(encoding="utf-8")
        for node in ast.walk(module(path))
        if isinstance(node, ast.keyword) and node.arg == keyword
        for text in [_text(node.value, path)]
        if text is not None
    }


def _text(value: ast.expr, path: Path) -> str | None:
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else None
    return constants(path).get(ast.unparse(value))
