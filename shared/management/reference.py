"""Writes the table of operations as the reference shows it."""

from collections.abc import Iterable

from shared.directory.model import Role
from shared.management.call import Operation


def table_of(operations: Iterable[Operation]) -> str:
    """Return a Markdown table: address, what it is for, who may, and the status of success."""
    rows = [
        f"| `{operation.method} /api/v1/{operation.path}` | {operation.summary} | {_who(operation)} | {operation.status} |"
        for operation in operations
    ]
    return "\n".join(["| operation | what it does | roles | status |", "|---|---|---|---|", *rows, ""])


def _who(operation: Operation) -> str:
    if operation.handler is None:
        return "anybody, without a key"
    return "every role" if operation.roles == frozenset(Role) else ", ".join(sorted(operation.roles))
