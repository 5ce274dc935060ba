"""JSON merge patch (RFC 7396)."""

from typing import Any


def merge(target: Any, patch: Any) -> Any:
    """Return the target with what the patch names replaced, and removed where the patch says null. Changes neither."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
