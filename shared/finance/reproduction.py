"""A report that is made again of what its signed manifest names, and what differs from the first."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from shared.finance.facts import Days
from shared.finance.manifest import Input, Manifest, ManifestUnreadable, read
from shared.finance.model import ReportConfig
from shared.finance.ports import Books
from shared.finance.report import ReportRefused
from shared.reconciliation.model import TeamSnapshot
from shared.windows import Window

MOST_INPUTS = 100
"""How many partitions that have moved on are named one by one."""

_TOTALS = ("cost", "currency", "requests", "entries", "unpriced", "estimated", "pending")


@dataclass(frozen=True, slots=True)
class Moved:
    """A partition of the ledger that is not where it was: its postings then and now, 0 where there are none, and what happened."""

    team: str
    month: str
    then: int
    now: int
    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Something else that is told of both: totals, the price book, the code, the state of the books."""

    what: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Which run is made again, by the hash of its manifest, and how that came out; `result` is None until it is known.

    `files` are those whose hashes differ: there are some exactly where the result is `differs`.
    """

    run: str
    manifest_sha256: str
    notes: tuple[str, ...] = ()
    result: Literal["same", "differs"] | None = None
    files: tuple[str, ...] = ()
    inputs: tuple[Moved, ...] = ()
    changes: tuple[Changed, ...] = ()


class Original(NamedTuple):
    """A manifest that is what was signed, the key that signed it, and what it says is to be made."""

    manifest: Manifest
    key_id: str
    definition: ReportConfig
    period: Days
    generated_at: datetime


class BooksThen:
    """The state of the books as a manifest tells it. What a month was closed with is never changed, so that is read."""

    def __init__(self, books: Books, period: Mapping[str, object]) -> None:
        self._books = books
        states = period.get("books")
        self._states = states if isinstance(states, dict) else {}
        self._fiscal = str(period.get("fiscal"))

    async def state(self, month: str) -> str:
        return str(self._states.get(month, "open"))

    def closed_with(self, month: str) -> AsyncIterator[TeamSnapshot]:
        return self._books.closed_with(month)

    def fiscal_label(self, at: datetime) -> str:
        return self._fiscal


def original(content: bytes | None, run: str, manifest_sha256: str | None) -> Original:
    """Return the manifest of a run if it is the one that the run ended with, and is signed. Raises ReportRefused."""
    if content is None:
        raise ReportRefused("Its manifest is not where it was put; without that nothing can be made again.")
    if sha256(content).hexdigest() != manifest_sha256:
        raise ReportRefused(
            "Its manifest is not the one that the run ended with: it was changed since, and proves nothing any more."
        )
    try:
        found, key_id = read(content)
    except ManifestUnreadable as error:
        raise ReportRefused(f"Its manifest does not verify: {error}.") from None
    if found.run != run:
        raise ReportRefused("Its manifest is that of another run.")
    try:
        definition = ReportConfig.model_validate(dict(found.definition))
        return Original(found, key_id, definition, _period(found.period), datetime.fromisoformat(found.generated_at))
    except (KeyError, ValueError):
        raise ReportRefused("Its manifest defines a report that this version of the gateway does not know.") from None


def _period(told: Mapping[str, object]) -> Days:
    """Raises KeyError and ValueError."""
    start, end = (datetime.fromisoformat(str(told[edge])) for edge in ("start", "end"))
    return Days(str(told["label"]), Window("", start, end), str(told["time_zone"]))


def notes_on(first: Original, key_id: str, configured: ReportConfig | None) -> Iterator[str]:
    """Say what is otherwise by now. `configured` is the report of this name in the configuration, None where there is none."""
    definition = first.definition
    if configured is None:
        yield f"No report {definition.name} is configured any more; it is made again as its manifest defines it."
    else:
        fields = [
            name for name in ("kind", "formats", "teams") if getattr(configured, name) != getattr(definition, name)
        ]
        if fields:
            yield (
                f"The report {definition.name} is configured otherwise by now ({', '.join(fields)}); "
                "it is made again as its manifest defines it."
            )
    if first.key_id != key_id:
        yield f"The manifest was signed with the key {first.key_id}; the gateway's key is {key_id} by now."


def compared(asked: Reproduction, then: Manifest, now: Manifest, books: Mapping[str, str]) -> Reproduction:
    """Return how it came out. `now` is the manifest of what was made again, `books` the state of the months by now."""
    moved = list(_moved(then.inputs, now.inputs))
    files = tuple(_differing(then, now))
    notes = []
    if len(moved) > MOST_INPUTS:
        notes.append(f"{len(moved) - MOST_INPUTS} further parts of the ledger have moved on.")
    if files and moved and then.totals == now.totals:
        notes.append("All totals are the same: what was posted since is not in the report's days, or comes to nothing.")
    return replace(
        asked,
        notes=(*asked.notes, *notes),
        result="differs" if files else "same",
        files=files,
        inputs=tuple(moved[:MOST_INPUTS]),
        changes=tuple(_changes(then, now, books)),
    )


def _differing(then: Manifest, now: Manifest) -> list[str]:
    hashes = [{output.path: output.sha256 for output in each.outputs} for each in (then, now)]
    return sorted({path for path, _ in hashes[0].items() ^ hashes[1].items()})


def _moved(then: tuple[Input, ...], now: tuple[Input, ...]) -> Iterator[Moved]:
    before, after = ({(each.team, each.month): each for each in inputs} for inputs in (then, now))
    for key in sorted(before | after):
        old = before.get(key, Input(*key, 0, 0, ""))
        new = after.get(key, Input(*key, 0, 0, ""))
        if old != new:
            yield Moved(*key, old.sequence, new.sequence, _reason(old, new))


def _reason(old: Input, new: Input) -> str:
    if new.sequence <= old.sequence:
        return "what had been posted is not what is there now"
    if new.digest == old.digest:
        return "its sums were repaired; nothing was posted"
    if new.events == old.events:
        return "adjusted since; no usage was posted"
    return "usage was posted since, and perhaps adjustments"


def _changes(then: Manifest, now: Manifest, books: Mapping[str, str]) -> Iterator[Changed]:
    for name in _TOTALS:
        yield from _changed(name, then.totals.get(name), now.totals.get(name))
    yield from _changed("price book", then.price_book, now.price_book)
    yield from _changed("code", then.code, now.code)
    states: Any = then.period.get("books")
    for month, state in books.items():
        yield from _changed(f"books of {month}", states.get(month) if isinstance(states, dict) else None, state)


def _changed(what: str, then: object, now: object) -> Iterator[Changed]:
    if then != now:
        yield Changed(what, str(then), str(now))
