"""Expands the templates of Azure DevOps as it does before a run, as far as ours use it: `if`, `else`, parameters, other files."""

import re
from pathlib import Path
from typing import Any

import yaml

WHOLE = re.compile(r"\$\{\{ *(.+?) *\}\}")
BRANCH = re.compile(r"\$\{\{ *(if (?P<condition>.+?)|else) *\}\}")
FUNCTIONS = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "_or": lambda *values: any(values),
    "_and": lambda *values: all(values),
}


def expand(path: Path, **given: Any) -> Any:
    """The file with these parameters, and the defaults of the others."""
    text = yaml.safe_load(path.read_text())
    declared = text.pop("parameters", [])
    parameters = {each["name"]: given[each["name"]] if each["name"] in given else each["default"] for each in declared}
    assert set(given) <= set(parameters), f"{path.name} does not declare {set(given) - set(parameters)}"
    return _expanded(text, parameters, path.parent)


def _expanded(node: Any, parameters: dict[str, Any], folder: Path) -> Any:
    if isinstance(node, dict):
        return {key: _expanded(value, parameters, folder) for key, value in node.items()}
    if isinstance(node, list):
        return _items(node, parameters, folder)
    return _text(node, parameters) if isinstance(node, str) else node


def _items(nodes: list[Any], parameters: dict[str, Any], folder: Path) -> list[Any]:
    found: list[Any] = []
    is_met = True
    for node in nodes:
        key = next(iter(node)) if isinstance(node, dict) and len(node) == 1 else ""
        if branch := BRANCH.fullmatch(key):
            is_met = bool(_value(branch["condition"], parameters)) if branch["condition"] else not is_met
            found += _items(node[key], parameters, folder) if is_met else []
        elif isinstance(node, dict) and "template" in node:
            below = expand(folder / node["template"], **_expanded(node.get("parameters", {}), parameters, folder))
            found += below.get("stages") or below.get("steps") or []
        else:
            found.append(_expanded(node, parameters, folder))
    return found


def _text(text: str, parameters: dict[str, Any]) -> Any:
    if whole := WHOLE.fullmatch(text):
        return _value(whole[1], parameters)
    return WHOLE.sub(lambda match: str(_value(match[1], parameters)), text)


def _value(expression: str, parameters: dict[str, Any]) -> Any:
    """Ours are calls, names of parameters and texts, which Python reads alike but for two words."""
    python = re.sub(r"\b(and|or)\(", r"_\1(", expression)
    python = re.sub(r"\bparameters\.(\w+)", r"parameters['\1']", python)
    return eval(python, {"__builtins__": {}, "parameters": parameters, **FUNCTIONS})  # noqa: S307
