"""Which fields of each Cosmos container the code looks for or sorts by, read from the code itself."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.infra import code

type Function = ast.FunctionDef | ast.AsyncFunctionDef

ORDER_BY = 3
"""The position of `order_by` in the port's query."""


def queried() -> dict[str, set[str]]:
    """Return the fields by container. Every query sorts by `id` at last, so each container that is queried has that."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in code.sources("shared", "functions"):
        asked = set(_asked(code.module(path), path))
        for function in _functions(code.module(path)):
            fields = set(_fields(function, path))
            for container in set(_containers(function, path)) or asked if fields else ():
                found[container] |= fields
        for container in asked:
            found[container].add("id")
    return dict(found)


def _functions(tree: ast.Module) -> Iterator[Function]:
    """Yield functions and methods, but not the functions within them: these belong to what is around them."""
    for node in tree.body:
        for each in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                yield each


def _containers(tree: ast.AST, path: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and code.constants(path).get(node.id) in code.containers():
            yield code.constants(path)[node.id]


def _asked(tree: ast.AST, path: Path) -> Iterator[str]:
    """Yield the containers that queries name. Where a query is told which, they are those that its file passes around."""
    for call in _calls(tree, "query"):
        named = list(_containers(call.args[0], path)) if call.args else []
        yield from named or (_containers(tree, path) if call.args and isinstance(call.args[0], ast.Name) else ())


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name == (getattr(node.func, "attr", None) or getattr(node.func, "id", None)):
            yield node


def _fields(function: Function, path: Path) -> Iterator[str]:
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    for condition in [*_calls(function, "Condition"), *_shared(path, names)]:
        yield from _strings(condition.args[0], function)
    for call in _calls(function, "query"):
        ordered = [
            *call.args[ORDER_BY : ORDER_BY + 1],
            *(each.value for each in call.keywords if each.arg == "order_by"),
        ]
        for value in ordered:
            yield from _strings(value, function)


def _shared(path: Path, names: set[str]) -> Iterator[ast.Call]:
    """Yield the conditions that the module binds to names which a function uses."""
    for node in code.module(path).body:
        if isinstance(node, ast.Assign) and names & {getattr(target, "id", "") for target in node.targets}:
            yield from _calls(node.value, "Condition")


def _strings(value: ast.expr, function: Function) -> Iterator[str]:
    """Yield what an expression for a field can be: a string, one of two, or a key of a dictionary of the function."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _strings(value.body, function)
        yield from _strings(value.orelse, function)
    elif isinstance(value, ast.Name):
        for each in ast.walk(function):
            if isinstance(each, ast.Dict):
                yield from (
                    key.value for key in each.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )
