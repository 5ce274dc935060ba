from pathlib import Path

import pytest

from shared.adapters.report_files import ReportFiles
from shared.finance.ports import StorageUnavailable
from tests.shared.adapters.report_storage_contract import CSV, ReportStorageContract


@pytest.fixture
def storage(tmp_path: Path) -> ReportFiles:
    return ReportFiles(tmp_path / "reports")


class TestReportFiles(ReportStorageContract):
    pass


async def test_a_link_out_of_the_directory_is_not_followed(tmp_path: Path, storage: ReportFiles) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "reports" / "out").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ValueError, match="not a path"):
        await storage.write("out/x.csv", b"", CSV)
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_what_a_killed_process_left_behind_is_no_file(tmp_path: Path, storage: ReportFiles) -> None:
    await storage.write("a/b.csv", b"whole", CSV)
    (tmp_path / "reports" / "a" / ".draft-0123").write_bytes(b"half")

    assert await storage.list("") == ["a/b.csv"]


async def test_a_directory_that_cannot_be_written_to_is_our_own_trouble(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("not a directory")

    with pytest.raises(StorageUnavailable):
        await ReportFiles(tmp_path / "reports").write("a/b.csv", b"", CSV)


async def test_a_file_is_for_its_owner_alone(tmp_path: Path, storage: ReportFiles) -> None:
    await storage.write("a.csv", b"", CSV)

    assert (tmp_path / "reports" / "a.csv").stat().st_mode & 0o077 == 0
