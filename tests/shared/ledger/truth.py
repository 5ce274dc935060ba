"""What the ledger has to say after some events, told without it; and what it does say."""

from collections.abc import Iterable
from datetime import UTC, datetime

from shared.documents import DocumentStore, Json
from shared.ledger.documents import chained
from shared.ledger.model import Entry, Grain, View, accumulate, add, months_of, total_of
from shared.ledger.posting import entry_of
from shared.ledger.store import LedgerStore
from shared.windows import Window
from tests.shared.ledger.synthetic import per_token

YEARS = Window("years", datetime(2025, 12, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))


def sums_of(events: Iterable[Json]) -> dict[str, int]:
    """Return what each different event adds, added up."""
    by_id = {event["id"]: event for event in events}
    entries = (entry_of(event, per_token(event), YEARS.end) for event in by_id.values())
    return add(*(entry.counted() for entry in entries))


async def check(documents: DocumentStore, events: Iterable[Json]) -> None:
    """Every view of the ledger must come to just these events, and every partition to its head."""
    events, ledger = list(events), LedgerStore(documents)
    truth = sums_of(events)
    entries = [entry async for entry in ledger.entries(YEARS)]
    assert sorted(entry.event or "" for entry in entries) == sorted({str(event["id"]) for event in events})
    assert add(*(entry.counted() for entry in entries)) == truth
    for view in (View.DETAIL, View.TOTAL):
        for grain in Grain:
            assert total_of([cell async for cell in ledger.cells(view, grain, YEARS)]) == truth, (view, grain)
    heads = await ledger.heads(YEARS)
    assert add(*(head.sums for head in heads.values())) == truth
    assert sum(head.events for head in heads.values()) == len(entries)
    for (team, month), head in heads.items():
        own = [entry for entry in entries if entry.partition == f"{team}|{month}"]
        last = (await ledger.volumes(team, month))[-1]
        assert (await ledger.volume_head(last, month)).digest == digest_of(own)
        assert head.sequence == max((entry.posting for entry in own), default=0)
    assert await stored_events(ledger) == sorted({str(event["id"]) for event in events})


def digest_of(entries: Iterable[Entry]) -> str:
    """Return the digest of a head whose postings were these entries."""
    postings: dict[int, list[Entry]] = {}
    for entry in entries:
        postings.setdefault(entry.posting, []).append(entry)
    digest = ""
    for number in sorted(postings):
        digest = chained(digest, [(entry.id, entry.counted()) for entry in postings[number]])
    return digest


async def stored_events(ledger: LedgerStore) -> list[str]:
    partitions = [(team, month) for month in months_of(YEARS) for team in await ledger.teams(month)]
    return sorted([str(event["id"]) for team, month in partitions async for event in ledger.events(team, month)])


async def tags_of(documents: DocumentStore, grain: Grain) -> dict[str, int]:
    """Return the number of entries under each tag."""
    counts: dict[str, int] = {}
    async for cell in LedgerStore(documents).cells(View.TAG, grain, YEARS):
        accumulate(counts, {str(cell.key.tag): cell.sums["entries"]})
    return counts
