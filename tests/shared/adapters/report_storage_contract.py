"""What every ReportStorage keeps to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.finance.ports import ReportExists, ReportStorage

CSV = "text/csv; charset=utf-8"


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class ReportStorageContract:
    """Subclasses give a fixture `storage`."""

    async def test_what_was_written_is_read(self, storage: ReportStorage) -> None:
        await storage.write("2026-11/bill/run_1/statement.csv", b"a,b\r\n", CSV)

        assert await storage.read("2026-11/bill/run_1/statement.csv") == b"a,b\r\n"

    async def test_what_was_never_written_is_not_there(self, storage: ReportStorage) -> None:
        assert await storage.read("2026-11/nothing.csv") is None

    async def test_an_empty_file_is_a_file(self, storage: ReportStorage) -> None:
        await storage.write("a/empty.csv", b"", CSV)
        await storage.write("a/empty-too.csv", pieces(), CSV)

        assert [await storage.read(path) for path in ("a/empty.csv", "a/empty-too.csv")] == [b"", b""]

    async def test_nothing_is_overwritten(self, storage: ReportStorage) -> None:
        await storage.write("a/b.csv", b"first", CSV)

        with pytest.raises(ReportExists):
            await storage.write("a/b.csv", b"second", CSV)
        with pytest.raises(ReportExists):
            await storage.write("a/b.csv", pieces(b"x" * 2000, b"y" * 2000), CSV)
        assert await storage.read("a/b.csv") == b"first"

    async def test_of_two_who_write_at_once_one_succeeds(self, storage: ReportStorage) -> None:
        outcomes = await asyncio.gather(
            *(storage.write("a/b.csv", bytes([n]) * 100, CSV) for n in range(5)), return_exceptions=True
        )

        assert [type(each) for each in outcomes if each is not None] == [ReportExists] * 4
        assert await storage.read("a/b.csv") == bytes([outcomes.index(None)]) * 100

    @pytest.mark.parametrize("sizes", [(1,), (1024,), (1025,), (700, 700, 700), (10_000,), (0, 5, 0)])
    async def test_a_stream_arrives_whole_and_in_order(self, storage: ReportStorage, sizes: tuple[int, ...]) -> None:
        parts = [bytes([number % 251]) * size for number, size in enumerate(sizes)]

        await storage.write("large.parquet", pieces(*parts), "application/vnd.apache.parquet")

        assert await storage.read("large.parquet") == b"".join(parts)

    async def test_a_stream_that_breaks_leaves_nothing(self, storage: ReportStorage) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * 3000
            raise RuntimeError("the disk is gone")

        with pytest.raises(RuntimeError):
            await storage.write("a/b.csv", broken(), CSV)

        assert await storage.read("a/b.csv") is None
        assert await storage.list("") == []

    async def test_files_are_listed_in_order_by_how_they_begin(self, storage: ReportStorage) -> None:
        names = ["2026-10/a/x.csv", "2026-11/a/x.csv", "2026-11/a/y.csv", "2026-11/ab/z.csv", "2026-11/b/z.csv"]
        for name in reversed(names):
            await storage.write(name, b"-", CSV)

        assert await storage.list("") == names
        assert await storage.list("2026-11/") == names[1:]
        assert await storage.list("2026-11/a") == names[1:4]
        assert await storage.list("2027-01/") == []

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/./b",
            ".hidden",
            "a\\b",
            "a\0b",
            "a/b?c=d",
            "a#b",
            "é",
            "a" * 900,
        ],
    )
    async def test_no_path_leads_anywhere_else(self, storage: ReportStorage, path: str) -> None:
        with pytest.raises(ValueError, match="not a path"):
            await storage.write(path, b"", CSV)
        with pytest.raises(ValueError, match="not a path"):
            await storage.read(path)

    async def test_no_prefix_leads_anywhere_else(self, storage: ReportStorage) -> None:
        for prefix in ("/", "../", "a/../", "a//"):
            with pytest.raises(ValueError, match="not the beginning"):
                await storage.list(prefix)
