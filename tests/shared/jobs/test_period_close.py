"""When a month is closed people hear of it, and when it cannot be."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from shared.alerts.model import Notice
from shared.documents import StoreUnavailable
from shared.jobs.period_close import close_periods
from shared.ledger.model import CONTAINER
from shared.reconciliation.closing import ClosingService
from shared.reconciliation.months import Calendar
from shared.reconciliation.periods import PeriodStore
from tests.fakes import MemoryDocuments
from tests.shared.reconciliation.books import PARTITION, Books, entry_for, event_of


class Board:
    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}

    async def raise_(self, notices: Iterable[Notice]) -> int:
        self.notices |= {notice.id: notice for notice in notices}
        return 0


def closing_of(books: Books) -> ClosingService:
    periods = PeriodStore(books.documents, books.clock)
    return ClosingService(periods, books.reconciliation, books.store, books.clock, Calendar("UTC", 4), 5)


async def test_people_hear_what_a_month_was_closed_with() -> None:
    books, board = Books(), Board()
    await books.use(1, 2)
    books.clock.set(datetime(2026, 12, 6, tzinfo=UTC))
    closing = closing_of(books)

    assert await close_periods(closing, board, books.clock) == []
    books.clock.advance(60)
    closed = await close_periods(closing, board, books.clock)

    assert [period.month.id for period in closed] == ["2026-11"]
    notice = board.notices["period|2026-11|closed"]
    assert notice.title == "2026-11 (FY2026-P08) is closed"
    assert dict(notice.facts) == {"Cost in USD": "2.000000014", "Requests": "2", "Teams": "1"}


async def test_people_hear_that_events_are_lost() -> None:
    books, board = Books(), Board()
    await books.use(1, 2)
    await books.documents.delete(CONTAINER, PARTITION, "req_000001")
    books.clock.set(datetime(2026, 12, 6, tzinfo=UTC))
    closing = closing_of(books)
    await close_periods(closing, board, books.clock)
    books.clock.advance(60)

    await close_periods(closing, board, books.clock)

    assert dict(board.notices["period|2026-11|closed"].facts)["Without their event"] == "1"


async def test_people_hear_what_stands_in_the_way_once_a_day() -> None:
    books, board = Books(), Board()
    await books.ledger.post([entry_for(1, cost=None)], [event_of(1)])
    books.clock.set(datetime(2026, 12, 6, tzinfo=UTC))
    closing = closing_of(books)
    for _ in range(3):
        await close_periods(closing, board, books.clock)
        books.clock.advance(60)

    (notice,) = board.notices.values()
    assert (notice.id, notice.severity) == ("period|2026-11|blocked|2026-12-06", "warning")
    assert notice.text == "search: 1 requests have no price"


async def test_without_the_store_the_next_tick_goes_on() -> None:
    books, board = Books(), Board()
    assert isinstance(books.documents, MemoryDocuments)
    books.documents.is_down = True
    with pytest.raises(StoreUnavailable):
        await close_periods(closing_of(books), board, books.clock)
