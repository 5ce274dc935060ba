"""A place for files in memory, which can fail."""

from collections.abc import AsyncIterator

from shared.finance.ports import ReportExists


class MemoryFiles:
    """The ReportStorage port. `fails_at` is the number of the call that fails; `garbles` spoils what is written."""

    def __init__(self, fails_at: int | None = None, *, garbles: bool = False) -> None:
        self.content: dict[str, bytes] = {}
        self.fails_at = fails_at
        self._garbles = garbles
        self._calls = 0

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], content_type: str) -> None:
        self._call()
        assert isinstance(content, bytes)
        if path in self.content:
            raise ReportExists(path)
        self.content[path] = content[:-1] if self._garbles else content

    async def read(self, path: str) -> bytes | None:
        self._call()
        return self.content.get(path)

    def _call(self) -> None:
        self._calls += 1
        if self.fails_at is not None and self._calls - 1 == self.fails_at:
            raise OSError("the storage is away")
