"""The storm guard: a channel gets a few messages in any hour and one that sums up the rest, because who is sent too much reads nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.alerts.model import SEVERITIES, Delivery, Notice, Severity
from shared.alerts.store import Log, Sent, stamp

HOUR = timedelta(hours=1)
GATHER = timedelta(minutes=5)
"""How long a digest waits after the first notice that was held back, so that it has something to sum up."""

SETTLE = timedelta(minutes=1)
"""What was held back in the last minute is left to the next digest: another instance may still be writing it."""

_GROUPS = 10


def admitted(log: Log, most: int, message: Sent, severity: Severity) -> Log | None:
    """Return the log with one more message, or None where its sender or the channel has had its share of the last hour.

    A quarter of every share is kept for what is critical: a budget that is gone must be heard among all the others.
    """
    recent = tuple(sent for sent in log.sent if sent.at > message.at - HOUR)
    shares = _shares(recent, most, message.team)
    has_room = all(used < (share if severity == "critical" else share - share // 4) for used, share in shares)
    return replace(log, sent=(*recent, message)) if has_room and len(recent) < most else None


def _shares(recent: Sequence[Sent], most: int, team: str | None) -> tuple[tuple[int, int], ...]:
    """Return what was used of each share that a message counts for, and how large the share is.

    One team has a quarter, all teams have three, and what is of no team has half: so, of three messages an hour or more, one team and the
    organization together leave one for the next team, and all teams together leave one for the organization.
    """
    quarter = max(1, most // 4)
    by_teams = sum(sent.team is not None for sent in recent)
    if team is None:
        return ((len(recent) - by_teams, max(1, most // 2)),)
    return (sum(sent.team == team for sent in recent), quarter), (by_teams, max(1, most - quarter))


def withdrawn(log: Log, message: Sent) -> Log:
    """Return the log without a message that nobody has received."""
    sent = list(log.sent)
    if message in sent:
        sent.remove(message)
    return replace(log, sent=tuple(sent))


@dataclass(slots=True)
class Sum:
    """What was held back: how often each group of similar notices, and the worst severity among them."""

    count: int = 0
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)
    severity: Severity = "info"

    def add(self, held: Delivery) -> None:
        self.count += 1
        self.groups[held.kind, held.team or "the organization"] += 1
        self.severity = max(self.severity, held.severity, key=SEVERITIES.index)


def digest_due(first_held: datetime, log: Log, now: datetime) -> bool:
    """Digests come an hour apart, and not before there was time to gather."""
    return now >= first_held + GATHER and (log.told_until is None or now >= log.told_until + SETTLE + HOUR)


def digest_id(channel: str, first_held: datetime) -> str:
    """Made of the first notice that it tells of, so that two instances make one."""
    return f"digest|{channel}|{stamp(first_held)}"


def digest_of(id: str, held: Sum, first: datetime, until: datetime, link: str | None) -> Notice:
    where = "The console" if link is not None else "GET /api/v1/notices"
    notices = "notice was" if held.count == 1 else "notices were"
    return Notice(
        id=id,
        kind="digest",
        severity=held.severity,
        title=f"{held.count} more {notices} held back",
        text=(
            f"Between {first:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M} UTC there were more notices than this channel takes in an hour. "
            f"{held.count} were not sent one by one. {where} shows all of them."
        ),
        at=until,
        facts=_facts(held.groups),
        link=link,
    )


def _facts(groups: Counter[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    ranked: Sequence[tuple[tuple[str, str], int]] = sorted(groups.items(), key=lambda group: (-group[1], group[0]))
    facts = [(f"{kind}, {team}", str(count)) for (kind, team), count in ranked[:_GROUPS]]
    if rest := sum(count for _, count in ranked[_GROUPS:]):
        facts.append(("others", str(rest)))
    return tuple(facts)
