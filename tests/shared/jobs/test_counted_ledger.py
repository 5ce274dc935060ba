"""While the ledger is counted anew for another time zone, sums that may be of two zones are given to nobody."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from shared.jobs.counted_ledger import CountedLedger
from shared.jobs.usage_reconcile import reconcile_usage
from shared.ledger.model import Cell, Grain, View
from shared.reconciliation.model import BooksRecounted
from shared.reconciliation.recount import KEPT_S
from shared.windows import Window
from tests.shared.jobs.test_period_close import Board
from tests.shared.reconciliation.books import NOON, Books
from tests.shared.watched_documents import Watched, port

DAYS = Window("", NOON - timedelta(days=2), NOON + timedelta(days=2))
LONG_AGO = Window("", NOON - timedelta(days=402), NOON - timedelta(days=398))
ZONE = "Asia/Kolkata"


@pytest.fixture
async def books() -> Books:
    """Three partitions that are of UTC, as a gateway finds them that is configured for another zone."""
    before = Books()
    await before.use(1)
    await before.use(2, team="other")
    await before.use(3, team="other", at=NOON - timedelta(days=400))
    await reconcile_usage(before.reconciliation, before.store, Board(), before.clock)
    after = Books(before.documents, ZONE)
    after.clock = before.clock
    after.reconciliation = after.service(before.documents)
    return after


def ledger_of(books: Books) -> CountedLedger:
    return CountedLedger(books.documents, books.clock, books.time_zone)


async def all_of(cells: AsyncIterator[Cell]) -> list[Cell]:
    return [cell async for cell in cells]


async def days(books: Books, window: Window = DAYS, *teams: str) -> list[Cell]:
    return await all_of(ledger_of(books).cells(View.TOTAL, Grain.DAY, window, teams or None))


async def test_a_ledger_that_was_never_of_another_zone_is_read_as_it_is() -> None:
    books = Books()
    await books.use(1)

    assert sum(cell.sums["requests"] for cell in await days(books)) == 1
    assert await ledger_of(books).counted_anew_for() is None


async def test_from_the_first_question_on_sums_of_another_zone_are_refused(books: Books) -> None:
    with pytest.raises(BooksRecounted) as refused:
        await days(books)

    said = "The books are being counted anew for the time zone Asia/Kolkata; 2 of 2 partitions left."
    assert (refused.value.status, refused.value.message) == (503, said)
    assert refused.value.headers["retry-after"] == "300"
    assert await ledger_of(books).counted_anew_for() == ZONE


async def test_reading_writes_nothing_down(books: Books) -> None:
    with pytest.raises(BooksRecounted):
        await days(books)

    assert (await books.reconciliation.zone.state()).since == books.clock.now()
    assert not (await books.reconciliation.zone.state()).is_settled


async def test_what_is_counted_anew_already_is_told_and_the_rest_is_not(books: Books) -> None:
    await books.reconciliation.zone.state()
    await books.reconciliation.reconcile("other", "2026-11")

    assert {cell.key.dimensions.team for cell in await days(books, DAYS, "other")} == {"other"}
    with pytest.raises(BooksRecounted, match="1 of 2 partitions left"):
        await days(books)
    with pytest.raises(BooksRecounted, match="1 of 1 partition left"):
        await days(books, DAYS, "search")
    with pytest.raises(BooksRecounted, match="1 of 1 partition left"):
        await days(books, LONG_AGO)


async def test_a_sum_whose_month_ends_in_the_next_partition_waits_for_that_too(books: Books) -> None:
    await books.use(4, at=NOON + timedelta(days=25))
    await books.reconciliation.zone.state()
    for team in ("search", "other"):
        await books.reconciliation.reconcile(team, "2026-11")

    assert await days(books) != []
    with pytest.raises(BooksRecounted, match="1 of 3 partitions left"):
        await ledger_of(books).check(Grain.MONTH, DAYS)


async def test_once_all_is_counted_everything_is_told(books: Books) -> None:
    await reconcile_usage(books.reconciliation, books.store, Board(), books.clock)

    assert sum(cell.sums["requests"] for cell in [*await days(books), *await days(books, LONG_AGO)]) == 3
    assert await ledger_of(books).counted_anew_for() is None


async def test_how_it_stands_is_looked_up_once_in_some_seconds(books: Books) -> None:
    documents = Watched(books.documents)
    ledger = CountedLedger(port(documents), books.clock, ZONE)
    for _ in range(20):
        with pytest.raises(BooksRecounted):
            await ledger.check(Grain.DAY, DAYS)
    first = len(documents.calls)

    await reconcile_usage(books.reconciliation, books.store, Board(), books.clock)
    books.clock.advance(KEPT_S)
    for _ in range(20):
        await ledger.check(Grain.DAY, DAYS)

    assert first <= 4
    assert len(documents.calls) == first + 1


async def test_entries_are_what_they_are(books: Books) -> None:
    found: list[Any] = [entry async for entry in ledger_of(books).entries(DAYS)]

    assert len(found) == 2
