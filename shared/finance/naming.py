"""Puts names beside the ids of teams and areas: ids are what money is booked on, names are what people know."""

from collections.abc import Mapping
from dataclasses import replace

from shared.finance.report import Column, Row, Table

_SCOPES = {"team": "teams", "area": "areas"}


def addresses_in(tables: tuple[Table, ...]) -> set[str]:
    """Return the addresses, such as `teams/search`, of all teams and areas that stand in the tables."""
    return {
        f"{scope}/{row[place]}"
        for table in tables
        for place, scope in _places(table).items()
        for row in table.rows
        if row[place] is not None
    }


def named(tables: tuple[Table, ...], names: Mapping[str, str]) -> tuple[Table, ...]:
    """Return the tables with a column of names after each column of ids: also where none is known, so that columns stay the same."""
    return tuple(_named(table, names) if _places(table) else table for table in tables)


def _named(table: Table, names: Mapping[str, str]) -> Table:
    places = _places(table)
    columns: list[Column] = []
    for column in table.columns:
        columns.append(column)
        if column.name in _SCOPES:
            columns.append(Column(f"{column.name}_name", f"{column.title} name"))
    return replace(table, columns=tuple(columns), rows=[_row(row, places, names) for row in table.rows])


def _row(row: Row, places: Mapping[int, str], names: Mapping[str, str]) -> Row:
    values = list(row)
    for place, scope in sorted(places.items(), reverse=True):
        values.insert(place + 1, names.get(f"{scope}/{row[place]}"))
    return tuple(values)


def _places(table: Table) -> dict[int, str]:
    return {place: _SCOPES[column.name] for place, column in enumerate(table.columns) if column.name in _SCOPES}
