"""Reports in a directory of this machine: each file appears whole or not at all, and is never overwritten."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

from shared.finance.ports import ReportExists, StorageUnavailable, checked_path, checked_prefix

_DRAFT = ".draft-"


class ReportFiles:
    """A ReportStorage. The directory is made when the first file is written."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], content_type: str) -> None:
        target = self._path(path)
        draft = target.with_name(_DRAFT + token_hex(8))
        try:
            await asyncio.to_thread(_begin, draft)
            try:
                await _fill(draft, content)
                await asyncio.to_thread(_finish, draft, target)
            finally:
                await asyncio.to_thread(draft.unlink, True)
        except FileExistsError:
            raise ReportExists(path) from None
        except OSError as error:
            raise StorageUnavailable(f"{path}: {error.strerror or type(error).__name__}") from error

    async def read(self, path: str) -> bytes | None:
        target = self._path(path)
        try:
            return await asyncio.to_thread(target.read_bytes)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise StorageUnavailable(f"{path}: {error.strerror or type(error).__name__}") from error

    async def list(self, prefix: str) -> list[str]:
        folder, _, _ = checked_prefix(prefix).rpartition("/")
        names = await asyncio.to_thread(_names, self._root, self._root / folder)
        return sorted(name for name in names if name.startswith(prefix))

    async def close(self) -> None:
        pass

    def _path(self, path: str) -> Path:
        target = self._root.joinpath(*checked_path(path).split("/"))
        # A link inside the directory could still lead out of it.
        if not target.resolve().is_relative_to(self._root.resolve()):
            raise ValueError("not a path of a report")
        return target


def _begin(draft: Path) -> None:
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.touch(mode=0o600)


async def _fill(draft: Path, content: bytes | AsyncIterator[bytes]) -> None:
    if isinstance(content, bytes):
        await asyncio.to_thread(_append, draft, content)
        return
    async for piece in content:
        await asyncio.to_thread(_append, draft, piece)


def _append(draft: Path, piece: bytes) -> None:
    with draft.open("ab") as file:
        file.write(piece)


def _finish(draft: Path, target: Path) -> None:
    """Make the file durable, and only then give it its name; unlike a rename, a link does not replace what is there."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.link(draft, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _names(root: Path, folder: Path) -> list[str]:
    paths = (Path(home) / name for home, _, names in os.walk(folder) for name in names if not name.startswith(_DRAFT))
    return [path.relative_to(root).as_posix() for path in paths]
