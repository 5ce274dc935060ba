"""Writes the SQL of a query in one Cosmos DB partition, and reads its pages in an exact order."""

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import orjson

from shared.documents import Condition

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = frozenset({"=", "<", "<=", ">", ">="})
_KINDS = ("IS_BOOL", "IS_NUMBER", "IS_STRING")
_ID = 'c.body["id"]'

type Value = str | int | float | None
"""What a document is ordered by; None where it does not have the field."""

type Place = tuple[Value, str]
"""A document's place in the order: its value and its id."""

type Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    sql: str
    parameters: list[dict[str, object]] = field(default_factory=list)


type Ask = Callable[[Query], Awaitable[list[Row]]]


class Order:
    """The documents that meet every condition, by one field and then by id; those without the field come first.

    Cosmos DB sorts by two fields only with a composite index made for exactly these two, and leaves out documents that
    lack one. So it is asked for one field at a time, and documents of the same value are asked for by id.
    """

    def __init__(self, where: Sequence[Condition], by: str | None, descending: bool) -> None:
        """Raises ValueError for a field name or an operator that cannot be meant."""
        self._where = where
        self._clauses = [_clause(condition, f"@where{n}") for n, condition in enumerate(where)]
        self._field, self._path = by, path_of(by) if by is not None else ""
        self._direction, self._after = ("DESC", "<") if descending else ("ASC", ">")
        self._kinds = _KINDS[::-1] if descending else _KINDS
        self._descending = descending

    async def rows(self, ask: Ask, count: int, place: Place | None) -> list[Row]:
        """Read `count` rows after a place, fewer only at the end."""
        if self._field is None:
            return await ask(self._same("true", [], place[1] if place else None, count))
        value, after_id = place or (None, None)
        rows: list[Row] = []
        if place is not None or not self._descending:
            rows += await ask(self._with_value(value, after_id, count))
        if place is not None and value is None and self._descending:
            return rows
        if len(rows) < count:
            rows += await self._beyond(ask, value, count - len(rows))
        if len(rows) < count and self._descending:
            rows += await ask(self._with_value(None, None, count - len(rows)))
        return rows

    def place(self, row: Row) -> Place:
        return self._value(row), row["body"]["id"]

    async def _beyond(self, ask: Ask, value: Value, count: int) -> list[Row]:
        """Read the values after one. The last value may be cut off anywhere, so its documents are asked for anew."""
        rows = await ask(self._after_value(value, count))
        groups = [(value, list(group)) for value, group in groupby(rows, self._value)]
        last = groups.pop()[0] if len(rows) == count else None
        sorted_rows = [row for _, group in groups for row in sorted(group, key=_id_of, reverse=self._descending)]
        if last is None:
            return sorted_rows
        return sorted_rows + await ask(self._with_value(last, None, count - len(sorted_rows)))

    def _with_value(self, value: Value, after_id: str | None, count: int) -> Query:
        if value is None:
            return self._same(f"(NOT IS_DEFINED({self._path}) OR IS_NULL({self._path}))", [], after_id, count)
        return self._same(f"{self._path} = @value", [("@value", value)], after_id, count)

    def _same(self, clause: str, bound: list[tuple[str, object]], after_id: str | None, count: int) -> Query:
        clauses = [clause]
        if after_id is not None:
            clauses.append(f"{_ID} {self._after} @id")
            bound = [*bound, ("@id", after_id)]
        return self._query(clauses, bound, _ID, count)

    def _after_value(self, value: Value, count: int) -> Query:
        if value is None:
            return self._query([f"({_any(self._kinds, self._path)})"], [], self._path, count)
        kind = "IS_BOOL" if isinstance(value, bool) else "IS_STRING" if isinstance(value, str) else "IS_NUMBER"
        later = self._kinds[self._kinds.index(kind) + 1 :]
        clause = f"{self._path} {self._after} @value"
        if later:
            clause = f"({clause} OR {_any(later, self._path)})"
        return self._query([clause], [("@value", value)], self._path, count)

    def _query(self, clauses: list[str], bound: list[tuple[str, object]], order: str, count: int) -> Query:
        named = [*bound, *((f"@where{n}", condition.value) for n, condition in enumerate(self._where))]
        sql = (
            f"SELECT TOP {count} * FROM c WHERE {' AND '.join([*clauses, *self._clauses])}"
            f" ORDER BY {order} {self._direction}"
        )
        return Query(sql, [{"name": name, "value": value} for name, value in named])

    def _value(self, row: Row) -> Value:
        value: Value = row["body"].get(self._field) if self._field is not None else None
        return value


def path_of(field: str) -> str:
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is not the name of a field")
    return f'c.body["{field}"]'


def within(field: str, by: int, ceiling: int) -> str:
    """The predicate of an increment that must not pass a ceiling; an absent field counts as 0.

    What is not a number passes, for the patch itself to refuse.
    """
    path = path_of(field)
    defined = "" if by <= ceiling else f"IS_DEFINED({path}) AND "
    return f"FROM c WHERE {path} <= {ceiling - by} OR ({defined}NOT IS_NUMBER({path}))"


def write_cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def read_cursor(cursor: str) -> Place:
    try:
        value, id = orjson.loads(base64.urlsafe_b64decode(cursor))
    except ValueError as error:
        raise ValueError("the cursor is not one of ours") from error
    return value, id


def _clause(condition: Condition, parameter: str) -> str:
    if condition.operator not in _OPERATORS:
        raise ValueError(f"{condition.operator!r} is not an operator")
    return f"{path_of(condition.field)} {condition.operator} {parameter}"


def _any(kinds: Sequence[str], path: str) -> str:
    return " OR ".join(f"{kind}({path})" for kind in kinds)


def _id_of(row: Row) -> str:
    return str(row["body"]["id"])
