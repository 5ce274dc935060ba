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

type Parameter = str | int | float


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
    clauses = ["container = ? AND partition = ? AND (expires_at IS NULL OR expires_at > ?)"]
    order, parameters = _order(order_by)
    parameters += [container, partition, now]
    for condition in where:
        clauses.append(_clause(condition))
        parameters += [_path(condition.field), _path(condition.field), condition.value]
    if cursor is not None:
        clauses.append(f"({order}, id) {'<' if descending else '>'} (?, ?)")
        parameters += [*_order(order_by)[1], *_read_cursor(cursor)]
    direction = "DESC" if descending else "ASC"
    sql = (
        f"SELECT lsn, body, {order} AS value, id FROM documents WHERE {' AND '.join(clauses)}"
        f" ORDER BY value {direction}, id {direction} LIMIT ?"
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
    """The expression to sort by: documents without the field come first."""
    if field is None:
        return "0", []
    return "COALESCE(json_extract(body, ?), ?)", [_path(field), _ABSENT]


def _clause(condition: Condition) -> str:
    """Compare within one JSON type only: SQLite would take true for 1."""
    if condition.operator not in _OPERATORS:
        raise ValueError(f"{condition.operator!r} is not an operator")
    return f"json_type(body, ?) IN {_KINDS[type(condition.value)]} AND json_extract(body, ?) {condition.operator} ?"


def _path(field: str) -> str:
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is not the name of a field")
    return f"$.{field}"
