"""Writes the SQL of a query in one partition: conditions, order and the cursor that continues it."""

import base64
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from shared.documents import Condition

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = frozenset({"=", "<", "<=", ">", ">="})
_KINDS = {bool: "('true', 'false')", int: "('integer', 'real')", str: "('text')"}
_ABSENT = -math.inf
_ID, _NO_VALUE = "id", "0"

type Parameter = str | int | float
type Clause = tuple[str, list[Parameter]]


@dataclass(frozen=True, slots=True)
class Query:
    """SQL whose rows are (lsn, body, order value, id), with what is bound to its placeholders."""

    sql: str
    parameters: tuple[Parameter, ...]


def write_query(
    container: str,
    partition: str,
    now: float,
    where: Sequence[Condition],
    order_by: str | None,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Query:
    """Ask for one row more than `limit`, to know whether there is a next page.

    Raises ValueError for a field name, an operator, a limit or a cursor that cannot be meant.
    """
    if limit < 1:
        raise ValueError("limit must be at least 1")
    order, parameters = _order(order_by)
    clauses = ["container = ? AND partition = ? AND (expires_at IS NULL OR expires_at > ?)"]
    conditions = [_clause(condition) for condition in where]
    if cursor is not None:
        conditions.append(_after(order_by, cursor, "<" if descending else ">"))
    parameters += [container, partition, now]
    for clause, bound in conditions:
        clauses.append(clause)
        parameters += bound
    direction = "DESC" if descending else "ASC"
    first = "" if order == _NO_VALUE else f"value {direction}, "
    sql = (
        f"SELECT lsn, body, {order} AS value, id FROM documents WHERE {' AND '.join(clauses)}"
        f" ORDER BY {first}id {direction} LIMIT ?"
    )
    return Query(sql, (*parameters, limit + 1))


def write_cursor(value: Parameter, id: str) -> str:
    """Name the last document of a page by its place in the order, so that later writes cannot shift the next page."""
    return base64.urlsafe_b64encode(orjson.dumps([None if value == _ABSENT else value, id])).decode()


def _read_cursor(cursor: str) -> tuple[Parameter, str]:
    try:
        value, id = orjson.loads(base64.urlsafe_b64decode(cursor))
    except ValueError as error:
        raise ValueError("the cursor is not one of ours") from error
    return (_ABSENT if value is None else value), id


def _order(field: str | None) -> tuple[str, list[Parameter]]:
    """The expression to sort by before the id: documents without the field come first."""
    if field in (None, _ID):
        return _NO_VALUE, []
    return "COALESCE(json_extract(body, ?), ?)", [_path(field), _ABSENT]


def _after(order_by: str | None, cursor: str, comparison: str) -> Clause:
    order, parameters = _order(order_by)
    value, id = _read_cursor(cursor)
    if order == _NO_VALUE:
        return f"id {comparison} ?", [id]
    return f"({order}, id) {comparison} (?, ?)", [*parameters, value, id]


def _clause(condition: Condition) -> Clause:
    """Compare within one JSON type only: SQLite would take true for 1. The id is a column with an index, and always text."""
    if condition.operator not in _OPERATORS:
        raise ValueError(f"{condition.operator!r} is not an operator")
    if condition.field == _ID:
        return (f"id {condition.operator} ?", [condition.value]) if isinstance(condition.value, str) else ("0", [])
    path = _path(condition.field)
    return (
        f"json_type(body, ?) IN {_KINDS[type(condition.value)]} AND json_extract(body, ?) {condition.operator} ?",
        [path, path, condition.value],
    )


def _path(field: str) -> str:
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is not the name of a field")
    return f"$.{field}"
