"""Makes a report and puts it away: its files in every format that was asked for, then the signed manifest that names them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from shared.finance.building import Builder, Built, Origin, rows_of
from shared.finance.facts import Days
from shared.finance.formats.registry import CONTENT_TYPES, RENDERERS, Renderer
from shared.finance.manifest import NAME, Input, Manifest, Output
from shared.finance.model import Format, ReportConfig
from shared.finance.ports import NAMELESS, Books, GivenNames, LedgerReader, Names, ReportExists, ReportStorage, Signer
from shared.finance.report import Report, ReportRefused
from shared.finance.reproduction import BooksThen, Original, Reproduction, compared, original
from shared.finance.signing import key_id
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
    reproduces: Reproduction | None = None


class Again(NamedTuple):
    """What is made again: what was asked for, and the manifest of the first."""

    asked: Reproduction
    original: Original


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

    async def original(self, run: str, folder: str | None, manifest_sha256: str | None) -> Original:
        """Return the manifest of a run that is done. Raises ReportRefused where it is not what was signed, StorageUnavailable."""
        content = None if folder is None else await self._storage.read(f"{folder}/{NAME}")
        return original(content, run, manifest_sha256)

    async def key_id(self) -> str:
        return key_id((await self._signer()).public_key)

    async def run(
        self,
        definition: ReportConfig,
        period: Days,
        run: str,
        generated_at: datetime,
        folder: str,
        step: Step,
        again: Again | None = None,
    ) -> Made:
        """Make the report in a folder of its own. The same ledger, names and arguments make the same bytes.

        With `again` it states what the original's manifest tells, and is compared with that: the same ledger makes the same bytes.
        Raises ReportRefused, BooksRecounted, StoreUnavailable, StorageUnavailable, and ReportExists where the folder holds something else.
        """
        origin = self._origin()
        builder, stated = self._builder(again, origin), run
        if again is not None:
            stated, generated_at = again.original.manifest.run, again.original.generated_at
        with rows_of(definition, period.time_zone) as rows, TemporaryDirectory(prefix="tollgate-report-") as scratch:
            step(0.0, "reading the ledger")
            built = await builder.build(
                definition, period, stated, generated_at, rows, lambda done: step(_READ * done, "reading the ledger")
            )
            paths = await self._rendered(built.report, definition.formats, Path(scratch), step)
            outputs = tuple([await asyncio.to_thread(_output, path) for path in paths])
            for number, path in enumerate(paths):
                step(_RENDERED + (1 - _RENDERED) * number / len(paths), f"storing {path.name}")
                await self._put(f"{folder}/{path.name}", path)
        manifest = _manifest(built, definition, period, run, origin, outputs)
        reproduces = None
        if again is not None:
            books = {month: await self._books.state(month) for month in period.months}
            reproduces = compared(again.asked, again.original.manifest, manifest, books)
            manifest = replace(manifest, reproduces=asdict(reproduces))
        signed = manifest.signed(await self._signer())
        # Last: a folder with a manifest is a whole report.
        await self._put_bytes(f"{folder}/{NAME}", signed)
        return Made(
            manifest, sha256(signed).hexdigest(), folder, (*(output.path for output in outputs), NAME), reproduces
        )

    def _builder(self, again: Again | None, origin: Origin) -> Builder:
        """Return what builds the report, of what is so now or, for one that is made again, of what its manifest tells."""
        if again is None:
            return Builder(self._ledger, self._books, origin, self._names)
        then = again.original.manifest
        # Its prices and code are only stated: a newer version of either is told, and shall not differ in every file.
        stated = Origin(then.price_book, then.code)
        return Builder(self._ledger, BooksThen(self._books, then.period), stated, GivenNames(then.names))

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
