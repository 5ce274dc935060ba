"""What a report is made of: the ledger's sums by some of their dimensions, with the total that they must come to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate
from operator import itemgetter
from zoneinfo import ZoneInfo

from shared.ledger.model import Capacity, EntryType, Grain, Head, Sums, start_of
from shared.windows import Window

type Key = tuple[str | None, ...]
type Group = tuple[Key, dict[str, int]]

_NOT_REPORTED = ("latency.", "first_byte.")


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days of the reporting time zone. `label` is what people call them: `2026-11`, `2026-W45`, `2026-11-03`."""

    label: str
    window: Window
    time_zone: str

    @property
    def are_whole_months(self) -> bool:
        edges = (self.window.start, self.window.end)
        return all(start_of(Grain.MONTH, edge, self.time_zone) == edge for edge in edges)

    @property
    def are_whole_days(self) -> bool:
        edges = (self.window.start, self.window.end)
        return all(start_of(Grain.DAY, edge, self.time_zone) == edge for edge in edges)

    @property
    def first(self) -> date:
        return self.date_of(self.window.start)

    @property
    def last(self) -> date:
        return self.date_of(self.window.end - timedelta.resolution)

    @property
    def months(self) -> list[str]:
        """The reporting months that are touched."""
        months = (self.first.year * 12 + self.first.month - 1, self.last.year * 12 + self.last.month - 1)
        return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(months[0], months[1] + 1)]

    def date_of(self, start: datetime) -> date:
        """Return the day that a moment belongs to."""
        return start.astimezone(ZoneInfo(self.time_zone)).date()


@dataclass(frozen=True, slots=True)
class Facts:
    """`groups` are keyed by the dimensions in `names`; `days` hold what each team's calls came to, by day.

    `corrections` is what of that was adjusted. `closed` is what each cost center and team was closed with; None where the period is
    not closed, or not of whole months.
    """

    period: Days
    names: tuple[str, ...]
    groups: Mapping[Key, dict[str, int]]
    total: Mapping[str, int]
    days: Mapping[tuple[str, date], dict[str, int]]
    heads: Mapping[tuple[str, str], Head]
    currency: str
    today: date
    closed: Mapping[Key, dict[str, int]] | None = None
    corrections: Mapping[tuple[str, date], dict[str, int]] = field(default_factory=dict)

    @property
    def since_close(self) -> dict[str, int]:
        """What was posted since the books were closed: adjustments only. Empty where they are not closed."""
        if self.closed is None:
            return {}
        return since(self.total, [*self.closed.values()])

    def by(self, *names: str) -> list[Group]:
        """Return the sums by fewer dimensions: what cost most first, and in the order of their names where they cost the same."""
        return ordered(regrouped(self.groups.items(), self.names, names).items())


def regrouped(
    groups: Iterable[tuple[Key, Sums]], names: tuple[str, ...], wanted: tuple[str, ...]
) -> dict[Key, dict[str, int]]:
    places = [names.index(name) for name in wanted]
    found: dict[Key, dict[str, int]] = {}
    for key, sums in groups:
        pour(sums, found.setdefault(tuple(key[place] for place in places), {}))
    return found


def ordered(groups: Iterable[Group], by: str = "cost") -> list[Group]:
    return sorted(groups, key=lambda group: (-group[1].get(by, 0), in_order(group[0])))


def in_order(key: Key) -> tuple[tuple[bool, str], ...]:
    """Return what sorts keys by name, with what has no name at the end."""
    return tuple((name is None, name or "") for name in key)


def pour(sums: Sums, into: dict[str, int]) -> None:
    """Add sums to others in place."""
    for name, number in sums.items():
        if not name.startswith(_NOT_REPORTED):
            into[name] = into.get(name, 0) + number


def since(now: Sums, before: Iterable[Sums]) -> dict[str, int]:
    """Return what was added to sums."""
    found: dict[str, int] = {}
    pour(now, found)
    for sums in before:
        pour({name: -number for name, number in sums.items()}, found)
    return without_zeros(found)


def without_zeros(sums: Sums) -> dict[str, int]:
    return {name: number for name, number in sums.items() if number}


def under(sums: Sums, prefix: str) -> int:
    """Return the sum of what is counted under names that begin so."""
    return sum(number for name, number in sums.items() if name.startswith(prefix))


def input_tokens(sums: Sums) -> int:
    return under(sums, "tokens.input_")


def output_tokens(sums: Sums) -> int:
    return under(sums, "tokens.output_")


def charge_type(type: str | None, model: str | None, capacity: str | None) -> str:
    """Say in a word or two what a group of charges is. Provisioned capacity that served no model stood idle."""
    if type == EntryType.ADJUSTMENT:
        return "Adjustments"
    if type == EntryType.ALLOCATION:
        return "Idle provisioned capacity" if model is None else "Provisioned capacity"
    return "Spillover usage" if capacity == Capacity.SPILLOVER else "Usage"


def running(days: Iterable[tuple[date, int]]) -> list[tuple[date, int]]:
    """Return the sum up to each day."""
    pairs = sorted(days)
    return list(zip(map(itemgetter(0), pairs), accumulate(map(itemgetter(1), pairs)), strict=True))
