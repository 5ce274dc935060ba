"""What a reconciliation finds, and what a reporting month is: values that are stored and shown, without knowing where."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.errors import Unavailable
from shared.ledger.model import Sums
from shared.windows import Window

EXAMPLES = 20
"""How many of what is wrong are named; all are counted."""


class Problem(StrEnum):
    """What can be wrong with a partition of the ledger. TOO_LARGE: there was not enough time to read it to its end."""

    CELL_DIFFERS = "cell_differs"
    CELL_MISSING = "cell_missing"
    CELL_SUPERFLUOUS = "cell_superfluous"
    HEAD_DIFFERS = "head_differs"
    EVENT_WITHOUT_ENTRY = "event_without_entry"
    ENTRY_WITHOUT_EVENT = "entry_without_event"
    UNKNOWN_DOCUMENT = "unknown_document"
    TOO_LARGE = "too_large"


REPAIRABLE = frozenset(Problem) - {Problem.ENTRY_WITHOUT_EVENT, Problem.UNKNOWN_DOCUMENT, Problem.TOO_LARGE}
"""What follows from the entries, or from an event. An entry's lost event cannot be made up, nor a document's meaning."""

OF_SUMS = frozenset(
    {Problem.CELL_DIFFERS, Problem.CELL_MISSING, Problem.CELL_SUPERFLUOUS, Problem.HEAD_DIFFERS, Problem.TOO_LARGE}
)
"""What leaves it open whether the sums are those of the entries."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of problem: how often, and the ids of the first few."""

    problem: Problem
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at a partition has shown. `sums` are those of its entries, `archived` the events that were taken out of it.

    `unsettled` are the starts of cells that were written to meanwhile, and that nothing is said of; no difference is ever one of
    these. `repaired` counts documents put right and events posted; `left` is what was still wrong after that. Cells were judged by
    `time_zone`.
    """

    team: str
    month: str
    at: datetime
    events: int = 0
    archived: int = 0
    entries: int = 0
    cells: int = 0
    sums: Sums = field(default_factory=dict)
    sequence: int = 0
    digest: str = ""
    differences: tuple[Difference, ...] = ()
    unsettled: tuple[datetime, ...] = ()
    is_busy: bool = False
    repaired: int = 0
    left: tuple[Difference, ...] = ()
    time_zone: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong now, as far as could be seen."""
        return not self.left

    def is_settled_in(self, window: Window) -> bool:
        """Whether everything in this window could be judged, and adds up. An entry counts as much without its event as with it."""
        adds_up = all(difference.problem is Problem.ENTRY_WITHOUT_EVENT for difference in self.left)
        return adds_up and not any(window.holds(start) for start in self.unsettled)

    @property
    def is_counted(self) -> bool:
        """Whether the sums are those of the entries."""
        return not any(difference.problem in OF_SUMS for difference in self.left)

    @property
    def is_too_large(self) -> bool:
        return any(difference.problem is Problem.TOO_LARGE for difference in self.left)

    def count(self, problem: Problem) -> int:
        return sum(difference.count for difference in self.differences if difference.problem is problem)


class BooksRecounted(Unavailable):
    """Sums may be of another time zone than that of the reports, and would not come to what is asked for."""

    code = "books_recounted"

    def __init__(self, time_zone: str, left: int, of: int) -> None:
        partitions = "1 partition" if of == 1 else f"{of} partitions"
        super().__init__(
            f"The books are being counted anew for the time zone {time_zone}; {left} of {partitions} left.",
            headers={"retry-after": "300"},
        )


class State(StrEnum):
    """OPEN takes usage; from CLOSING on what is late is an adjustment; CLOSED has a snapshot. It never goes back."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Total:
    """What a cost center of a team comes to, in one currency: `sums` as of the ledger's cells."""

    cost_center: str | None
    currency: str
    sums: Sums

    @property
    def cost(self) -> int:
        return self.sums.get("cost", 0)


@dataclass(frozen=True, slots=True)
class TeamSnapshot:
    """A team's part of a closed month, as of the heads that it names: UTC month → (sequence, digest).

    `without_event` entries of its partitions had lost the event that they were made of.
    """

    team: str
    taken_at: datetime
    totals: tuple[Total, ...]
    heads: Mapping[str, tuple[int, str]]
    digest: str
    without_event: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a month was closed with: nano-units by currency, and a digest over the snapshots of all its teams."""

    cost: Sums
    entries: int
    requests: int
    pending: int
    unpriced: int
    teams: int
    digest: str
    without_event: int = 0


@dataclass(frozen=True, slots=True)
class FiscalMonth:
    """A month of the reporting time zone. `label` places it in the fiscal year, `FY2026-P08`, named by the year it begins in."""

    id: str
    label: str
    window: Window


@dataclass(frozen=True, slots=True)
class Period:
    """A reporting month on its way to being closed. `blockers` say what it was waiting for when it was last looked at."""

    month: FiscalMonth
    state: State = State.OPEN
    closing_at: datetime | None = None
    closing_by: str | None = None
    accepts_unpriced: bool = False
    blockers: tuple[str, ...] = ()
    closed_at: datetime | None = None
    snapshot: Snapshot | None = None

    @property
    def is_locked(self) -> bool:
        return self.state is not State.OPEN

    def closing(self, by: str, at: datetime, *, accepts_unpriced: bool) -> "Period":
        return replace(
            self, state=State.CLOSING, closing_at=at, closing_by=by, accepts_unpriced=accepts_unpriced, blockers=()
        )

    def blocked(self, blockers: tuple[str, ...]) -> "Period":
        return replace(self, blockers=blockers)

    def closed(self, snapshot: Snapshot, at: datetime) -> "Period":
        return replace(self, state=State.CLOSED, closed_at=at, snapshot=snapshot, blockers=())
