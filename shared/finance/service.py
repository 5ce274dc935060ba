"""Makes a report and puts it away: its files in every format that was asked for, then the signed manifest that names them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.finance.building import Builder, Built, Origin, rows_of
from shared.finance.facts import Days
from shared.finance.formats.registry import CONTENT_TYPES, RENDERERS, Renderer
from shared.finance.manifest import NAME, Input, Manifest, Output
from shared.finance.model import Format, ReportConfig
from shared.finance.ports import NAMELESS, Books, LedgerReader, Names, ReportExists, ReportStorage, Signer
from shared.finance.report import Report, ReportRefused
from shared.ledger.model import stamp
from shared.money import amount, text_of

_PIECE = 1 << 20
_READ, _RENDERED = 0.5, 0.9

type Step = Callable[[float, str], None]
"""Hears what share is done, from 0 to 1, and what is being done."""


@dataclass(frozen=True, slots=True)
class Made:
    """A report in its place: the folder, the files in it, and the manifest with the hash of its bytes."""

    manifest: Manifest
    manifest_sha256: str
    folder: str
    files: tuple[str, ...]


class ReportService:
    """The signing key is asked for when the first report is signed. `origin` is asked for each report: prices change."""

    def __init__(
        self,
        ledger: LedgerReader,
        books: Books,
        storage: ReportStorage,
        signer: Callable[[], Awaitable[Signer]],
        origin: Callable[[], Origin],
        names: Names = NAMELESS,
    ) -> None:
        self._ledger, self._books, self._storage = ledger, books, storage
        self._signer, self._origin, self._names = signer, origin, names

    async def run(
        self, definition: ReportConfig, period: Days, run: str, generated_at: datetime, folder: str, step: Step
    ) -> Made:
        """Make the report in a folder of its own. The same ledger, names and arguments make the same bytes.

        Raises ReportRefused, BooksRecounted, StoreUnavailable, StorageUnavailable, and ReportExists where the folder holds something else.
        """
        origin = self._origin()
        builder = Builder(self._ledger, self._books, origin, self._names)
        with rows_of(definition, period.time_zone) as rows, TemporaryDirectory(prefix="tollgate-report-") as scratch:
            step(0.0, "reading the ledger")
            built = await builder.build(
                definition, period, run, generated_at, rows, lambda done: step(_READ * done, "reading the ledger")
            )
            paths = await self._rendered(built.report, definition.formats, Path(scratch), step)
            outputs = tuple([await asyncio.to_thread(_output, path) for path in paths])
            for number, path in enumerate(paths):
                step(_RENDERED + (1 - _RENDERED) * number / len(paths), f"storing {path.name}")
                await self._put(f"{folder}/{path.name}", path)
        manifest = _manifest(built, definition, period, run, origin, outputs)
        signed = manifest.signed(await self._signer())
        # Last: a folder with a manifest is a whole report.
        await self._put_bytes(f"{folder}/{NAME}", signed)
        return Made(manifest, sha256(signed).hexdigest(), folder, (*(output.path for output in outputs), NAME))

    async def _rendered(self, report: Report, formats: tuple[Format, ...], directory: Path, step: Step) -> list[Path]:
        paths: list[Path] = []
        for number, format in enumerate(formats):
            step(_READ + (_RENDERED - _READ) * number / len(formats), f"writing {format.upper()}")
            # In a thread: a large report takes seconds, and calls are served by the same process.
            paths += await asyncio.to_thread(_written, RENDERERS[format], report, directory)
        return paths

    async def _put(self, path: str, file: Path) -> None:
        try:
            await self._storage.write(path, _pieces(file), CONTENT_TYPES[file.suffix])
        except ReportExists:
            if await self._storage.read(path) != await asyncio.to_thread(file.read_bytes):
                raise

    async def _put_bytes(self, path: str, content: bytes) -> None:
        try:
            await self._storage.write(path, content, CONTENT_TYPES[".json"])
        except ReportExists:
            if await self._storage.read(path) != content:
                raise


def _written(render: Renderer, report: Report, directory: Path) -> list[Path]:
    return list(render(report, directory))


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, _PIECE):
            yield piece


def _output(path: Path) -> Output:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return Output(path.name, path.stat().st_size, digest)


def _manifest(
    built: Built, definition: ReportConfig, period: Days, run: str, origin: Origin, outputs: tuple[Output, ...]
) -> Manifest:
    facts, standing = built.facts, built.standing
    if len({output.path for output in outputs}) < len(outputs):
        raise ReportRefused("Two tables of the report have the same name.")
    return Manifest(
        run=run,
        generated_at=stamp(built.report.generated_at),
        definition=definition.model_dump(mode="json"),
        period={
            "label": period.label,
            "start": stamp(period.window.start),
            "end": stamp(period.window.end),
            "time_zone": period.time_zone,
            "fiscal": standing.fiscal,
            "books": standing.states,
        },
        totals={
            "cost": text_of(amount(facts.total.get("cost", 0))),
            "currency": facts.currency,
            **{name: facts.total.get(name, 0) for name in ("requests", "entries", "unpriced", "estimated", "pending")},
        },
        inputs=tuple(
            Input(team, month, head.sequence, head.events, head.digest)
            for (team, month), head in sorted(facts.heads.items())
        ),
        names=built.names,
        price_book=origin.price_book,
        code=origin.code,
        outputs=outputs,
    )
