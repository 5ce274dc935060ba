"""Rows that are too many for memory: they wait in a file that the system forgets when it is closed."""

from collections.abc import Iterator
from datetime import datetime
from tempfile import TemporaryFile

import orjson

from shared.finance.report import Column, Kind, Row, Value

_BUFFER = 1 << 20


class Spool:
    """Takes rows of some columns and gives them back in their order, as often as wanted. One reader at a time."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._moments = [place for place, column in enumerate(columns) if column.kind is Kind.MOMENT]
        self._file = TemporaryFile(buffering=_BUFFER)  # noqa: SIM115 - closed by `close`
        self._kept = self._length = self._kept_length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, row: Row) -> None:
        self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        self._length += 1

    def keep(self) -> None:
        self._kept, self._kept_length = self._file.tell(), self._length

    def drop(self) -> None:
        """Forget what was appended since the last `keep`."""
        self._file.seek(self._kept)
        self._file.truncate()
        self._length = self._kept_length

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for line in self._file:
            row: list[Value] = orjson.loads(line)
            for place in self._moments:
                row[place] = datetime.fromisoformat(str(row[place]))
            yield tuple(row)

    def close(self) -> None:
        self._file.close()
