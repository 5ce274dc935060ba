import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.archive import content_digest, files_in, sha256_of, write_zip

FILES = {"b.py": b"print()\n", "a/z.txt": b"z" * 5000, "a/b/c.json": b"{}", ".python_packages/x.py": b""}


def lay_out(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    one = lay_out(tmp_path / "one", FILES)
    other = lay_out(tmp_path / "other", dict(reversed(FILES.items())))
    for path in other.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1_700_000_000, 1_700_000_000))

    assert write_zip(one, tmp_path / "1.zip") == write_zip(other, tmp_path / "2.zip") == sha256_of(tmp_path / "1.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    assert content_digest(one) == content_digest(other)


@settings(max_examples=20)
@given(st.sampled_from(sorted(FILES)), st.binary(max_size=50))
def test_another_content_is_another_package(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("packages")
    one, other = lay_out(folder / "one", FILES), lay_out(folder / "other", {**FILES, name: content})

    same = content == FILES[name]
    assert (content_digest(one) == content_digest(other)) is same
    assert (write_zip(one, folder / "1.zip") == write_zip(other, folder / "2.zip")) is same


def test_a_renamed_file_is_another_package(tmp_path: Path) -> None:
    one, other = lay_out(tmp_path / "1", {"a": b"x"}), lay_out(tmp_path / "2", {"b": b"x"})

    assert content_digest(one) != content_digest(other)


def test_the_archive_has_every_file_and_its_content(tmp_path: Path) -> None:
    write_zip(lay_out(tmp_path / "tree", FILES), tmp_path / "new" / "tree.zip")

    with zipfile.ZipFile(tmp_path / "new" / "tree.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist() == sorted(FILES)
        assert {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()} == {0o644}


def test_a_link_is_not_followed_out_of_the_tree(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "tree", FILES)
    (folder / "link").symlink_to("/etc/hostname")

    with pytest.raises(ValueError, match="link"):
        list(files_in(folder))
