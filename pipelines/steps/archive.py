"""Writes a folder as a zip whose bytes depend on nothing but the names and contents of its files."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

# The earliest time that a zip can say.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE, SCRIPT = 0o100644, 0o100755
UNIX = 3


def files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below the folder with its name in the archive, sorted by that name. Raises ValueError for a link."""
    found = []
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise ValueError(f"{path} is a link: a package has files only")
        if path.is_file():
            found.append((path.relative_to(folder).as_posix(), path))
    yield from sorted(found)


def write_zip(folder: Path, target: Path) -> str:
    """Write the archive and return its SHA-256 in hex."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in files_in(folder):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = UNIX
            entry.external_attr = (SCRIPT if name.endswith(".sh") else FILE) << 16
            archive.writestr(entry, path.read_bytes())
    return sha256_of(target)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(folder: Path) -> str:
    """A SHA-256 over names and contents: equal for equal packages, also where another zlib has packed them."""
    digest = hashlib.sha256()
    for name, path in files_in(folder):
        digest.update(f"{sha256_of(path)}  {name}\n".encode())
    return digest.hexdigest()
