"""Changes as a person reads them before they are made: + create, ~ update with old → new, - delete."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.terminal import compact

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_UNSET = "(unset)"


def lines(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for change in changes:
        yield f"{_SIGNS.get(change.get('action', ''), '?')} {change.get('address', '')}"
        before, after = change.get("before") or {}, change.get("after") or {}
        if change.get("action") == "create":
            yield from (f"    {name}: {compact(value)}" for name, value in after.items())
        elif change.get("action") == "update":
            yield from (f"    {line}" for line in _differences(before, after, ""))


def summary(changes: Sequence[Mapping[str, Any]], words: tuple[str, str, str]) -> str:
    actions = [change.get("action") for change in changes]
    counts = zip(words, ("create", "update", "delete"), strict=True)
    return ", ".join(f"{actions.count(action)} {word}" for word, action in counts) + "."


def _differences(before: Any, after: Any, path: str) -> Iterator[str]:
    """Name the innermost fields that differ. Lists are compared item by item where they are of mappings and equally long."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            inner = f"{path}.{name}" if path else str(name)
            yield from _differences(before.get(name, _UNSET), after.get(name, _UNSET), inner)
    elif _are_alike(before, after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, f"{path}[{index}]")
    else:
        yield f"{path}: {_written(before)} → {_written(after)}"


def _are_alike(before: Any, after: Any) -> bool:
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return False
    return all(isinstance(item, dict) for item in [*before, *after])


def _written(value: Any) -> str:
    return _UNSET if value is _UNSET else compact(value)
