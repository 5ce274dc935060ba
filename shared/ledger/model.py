"""The ledger as arithmetic: entries that are never changed, and cells that hold their sums.

Everything counted is a whole number under a name, so that sums of any kind are additions: commutative, exact, never a float.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from shared.windows import CalendarPeriod, Period, Window

CONTAINER = "ledger"
"""Usage events, entries, cells and heads, in partitions by team and UTC month: one batch writes them together."""

MOST_TAGS = 10
"""Tags of an entry: each has a cell by day and one by month, and all that belongs to an entry goes into one batch."""

ENTRY_BYTES = 2_500
"""Of an entry with its event and its share of the cells, where nobody has counted them."""

Sums = Mapping[str, int]
"""What is counted, by name: `requests`, `cost` (nano-units), `tokens.input_fresh`, `errors.rate_limited` … Never holds a zero."""


class Grain(StrEnum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class EntryType(StrEnum):
    """USAGE: a priced event. ALLOCATION: a share of capacity that is paid by the hour. ADJUSTMENT: everything that corrects."""

    USAGE = "usage"
    ALLOCATION = "allocation"
    ADJUSTMENT = "adjustment"


class Capacity(StrEnum):
    """How what served a call is paid. SPILLOVER: it was meant for provisioned capacity and was served by standard."""

    STANDARD = "standard"
    PROVISIONED = "provisioned"
    SPILLOVER = "spillover"


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What a charge can be grouped by; None where the caller has none. `model` is the catalogue's name, else the one asked for."""

    team: str
    type: EntryType = EntryType.USAGE
    currency: str = "USD"
    area: str | None = None
    application: str | None = None
    user: str | None = None
    key: str | None = None
    cost_center: str | None = None
    client: str | None = None
    project: str | None = None
    endpoint: str | None = None
    model: str | None = None
    deployment: str | None = None
    provider: str | None = None
    region: str | None = None
    tier: str | None = None
    capacity: Capacity = Capacity.STANDARD

    def to_json(self) -> Mapping[str, str]:
        """Return the stored form, without what there is not."""
        return _stored(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "Dimensions":
        known = {name: str(value) for name, value in stored.items() if name in DIMENSIONS}
        types = {"type": EntryType(known.pop("type")), "capacity": Capacity(known.pop("capacity"))}
        return cls(**known, **types)  # type: ignore[arg-type]


DIMENSIONS = tuple(each.name for each in fields(Dimensions))


@lru_cache(maxsize=5_000)
def _stored(dimensions: Dimensions) -> Mapping[str, str]:
    """Made once for all that has the same: every cell and entry is written with them."""
    return {name: str(value) for name in DIMENSIONS if (value := getattr(dimensions, name)) is not None}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger. The ids of usage entries are made of their events', so that each event has one.

    `at` is the time of use, which decides the period it belongs to; `posted_at` when it was written. `cost` is in nano-units:
    None is unpriced, and `lines` divides it by what was bought (`input_fresh`, `output_text`, `images` …) without a rest.
    `price` names the price that was applied. An adjustment says in `reason` why it is there, and in `adjusts` of what.
    `posting` is the head's sequence after the posting that wrote it; 0 before it is posted.
    """

    id: str
    at: datetime
    posted_at: datetime
    dimensions: Dimensions
    sums: Sums
    event: str | None = None
    cost: int | None = 0
    lines: Sums = field(default_factory=dict)
    price: str | None = None
    tags: tuple[str, ...] = ()
    session: str | None = None
    reason: str | None = None
    adjusts: str | None = None
    unpriced: tuple[str, ...] = ()
    actor: str | None = None
    posting: int = field(default=0, compare=False)

    @property
    def partition(self) -> str:
        return partition_of(self.dimensions.team, self.at)

    @property
    def told_cost(self) -> int | None:
        """The cost as readers are told it, in nano-units; None too for what goes on after its call and is settled by another entry."""
        return None if self.sums.get("pending", 0) > 0 and not self.lines else self.cost

    def counted(self) -> Sums:
        """Return what the entry adds to each of its cells."""
        counted = {**self.sums, "entries": 1}
        if self.cost is None:
            counted["unpriced"] = 1
        else:
            counted["cost"] = self.cost
        counted |= {f"cost.{name}": nanos for name, nanos in self.lines.items()}
        return {name: number for name, number in counted.items() if number}


class View(StrEnum):
    """What cells are kept by: every dimension, the team as a whole, or one tag of its calls."""

    DETAIL = "detail"
    TOTAL = "total"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class CellKey:
    """`start` begins the hour, day or month of the reporting time zone, in UTC."""

    view: View
    grain: Grain
    start: datetime
    dimensions: Dimensions
    tag: str | None = None

    @property
    def id(self) -> str:
        """Cells of one view and grain stand together, in the order of time."""
        digest = sha256(
            "\n".join([*(f"{k}={v}" for k, v in sorted(self.dimensions.to_json().items())), self.tag or ""]).encode()
        )
        return f"{cell_prefix(self.view, self.grain)}{stamp(self.start)}|{digest.hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class Cell:
    """The sums of every entry with these dimensions in this stretch of time."""

    key: CellKey
    sums: Sums

    @property
    def cost(self) -> int:
        return self.sums.get("cost", 0)


@dataclass(frozen=True, slots=True)
class Head:
    """How far a partition has come: it changes with every posting, so that who read it before and after has seen one state.

    `sequence` counts the postings; `digest` is a chain over the ids and sums of all that was ever posted, in order. Both go on from one
    volume of a team's month to the next. `repairs` of cells count as postings too. What `is_full` stays so, and nothing is posted to it
    any more.
    """

    sequence: int = 0
    events: int = 0
    sums: Sums = field(default_factory=dict)
    digest: str = ""
    last_posted_at: datetime | None = None
    repairs: int = 0
    bytes: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    is_full: bool = False

    def may_hold(self, at: datetime) -> bool:
        """Whether something that was used at a time may be in here; where the times in here are not known, it may."""
        return self.first_at is None or self.last_at is None or self.first_at <= at <= self.last_at


def add(*parts: Sums) -> dict[str, int]:
    """Return the sums of sums."""
    total: dict[str, int] = {}
    for part in parts:
        accumulate(total, part)
    return total if all(total.values()) else {name: number for name, number in total.items() if number}


def accumulate(total: dict[str, int], part: Sums) -> None:
    """Add to sums that are being made. Zeros stay in them until `add` makes sums of them."""
    if not total:
        total.update(part)
        return
    for name, number in part.items():
        total[name] = total.get(name, 0) + number


def cells_of(entry: Entry, time_zone: str) -> Iterator[CellKey]:
    """Return every cell that an entry counts in: by hour, day and month, in detail, as a total, and by each of its tags."""
    team = entry.dimensions
    total = Dimensions(team.team, team.type, team.currency, team.area)
    for grain in Grain:
        start = start_of(grain, entry.at, time_zone)
        yield CellKey(View.DETAIL, grain, start, entry.dimensions)
        yield CellKey(View.TOTAL, grain, start, total)
        if grain is not Grain.HOUR:
            yield from (CellKey(View.TAG, grain, start, total, tag) for tag in entry.tags)


def start_of(grain: Grain, at: datetime, time_zone: str) -> datetime:
    """Return the beginning, in UTC, of the hour, day or month that shows on the clocks of a time zone.

    Hours are of the zone as well: in Kolkata they begin at half past. Where a zone changes by less than an hour two hours overlap;
    each moment still belongs to one.
    """
    at = at.astimezone(UTC)
    offset = at.astimezone(ZoneInfo(time_zone)).utcoffset() or timedelta()
    hour = (at + offset).replace(minute=0, second=0, microsecond=0) - offset
    return hour if grain is Grain.HOUR else _period_of_hour(grain, hour, time_zone)


@lru_cache(maxsize=5_000)
def _period_of_hour(grain: Grain, hour: datetime, time_zone: str) -> datetime:
    """An hour belongs to one day and to one month. Finding them takes some microseconds, so they are kept."""
    return CalendarPeriod(Period(grain), time_zone).at(hour).start


def partition_of(team: str, at: datetime) -> str:
    """By team and UTC month: it never depends on a setting, so an event delivered again meets itself."""
    at = at.astimezone(UTC)
    return f"{team}|{at.year}-{at.month:02}"


def months_of(window: Window) -> Iterator[str]:
    """Return the UTC months that a window touches, as partitions are named."""
    moment = window.start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while moment < window.end:
        yield f"{moment:%Y-%m}"
        moment = (moment + timedelta(days=32)).replace(day=1)


_REACH = {Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=2), Grain.MONTH: timedelta(days=33)}
"""How long after the start of a cell something may still count in it."""


def reach_of(grain: Grain, window: Window) -> Window:
    """Return the window in which what counts in the cells that begin in a window was used."""
    return Window("", window.start, window.end + _REACH[grain])


def cell_prefix(view: View, grain: Grain) -> str:
    return f"cell|{view}|{grain}|"


def stamp(at: datetime) -> str:
    """Return a moment in UTC so that text sorts as time does."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def total_of(cells: Iterable[Cell]) -> dict[str, int]:
    return add(*(cell.sums for cell in cells))


def grouped(cells: Iterable[Cell], *names: str) -> dict[tuple[str | None, ...], dict[str, int]]:
    """Return the sums of cells by some of their dimensions."""
    groups: dict[tuple[str | None, ...], dict[str, int]] = {}
    for cell in cells:
        key = tuple(None if (value := getattr(cell.key.dimensions, name)) is None else str(value) for name in names)
        accumulate(groups.setdefault(key, {}), cell.sums)
    return {key: add(sums) for key, sums in groups.items()}
