"""Every partition of this month and the last is proved, without doing again what still holds."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.audit.model import Chain
from shared.directory.declared import FileDirectory
from shared.directory.model import Budget
from shared.directory.store import DirectoryStore
from shared.documents import StoreUnavailable
from shared.jobs.usage_reconcile import Reconciled, azure_names, budgets_of, compare_budgets, reconcile_usage
from shared.ledger.model import CONTAINER, Grain, View
from shared.providers.model import Deployment
from shared.reconciliation.budgets import SETTLED_AFTER, BudgetComparison
from shared.reconciliation.months import Calendar
from shared.reconciliation.service import LONGEST_S
from tests.shared.jobs.test_period_close import Board
from tests.shared.reconciliation.books import NOON, PARTITION, Books, Lasting, entry_for
from tests.shared.reconciliation.test_budgets import FakeCounters
from tests.shared.watched_documents import Watched, port


@pytest.fixture
def books() -> Books:
    return Books()


async def run(books: Books, board: Board | None = None, budget_s: float = 60.0) -> Reconciled:
    return await reconcile_usage(books.reconciliation, books.store, board or Board(), books.clock, budget_s)


async def test_this_month_and_the_last_are_looked_at(books: Books) -> None:
    await books.use(1)
    await books.use(2, team="other")
    await books.use(3, at=NOON - timedelta(days=31))
    await books.use(4, at=NOON - timedelta(days=62))

    assert await run(books) == Reconciled(3, 0, 0)


async def test_what_still_holds_is_not_looked_at_for_a_day(books: Books) -> None:
    await books.use(1)
    await books.use(2, team="other")
    await run(books)
    assert await run(books) == Reconciled(0, 0, 0)

    await books.use(3)
    assert await run(books) == Reconciled(1, 0, 0)

    books.clock.advance(24 * 3600)
    assert await run(books) == Reconciled(2, 0, 0)


async def test_when_time_is_up_the_next_run_goes_on(books: Books) -> None:
    await books.use(1)
    assert await run(books, budget_s=0.0) == Reconciled(0, 0, 1)
    assert await run(books) == Reconciled(1, 0, 0)


class Hot(Watched):
    """One team's partition cannot be read."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        inner = super().__getattr__(name)

        async def call(container: str, partition: str, *arguments: Any, **options: Any) -> Any:
            if partition.startswith("busy|") and name == "query":
                raise StoreUnavailable("429")
            return await inner(container, partition, *arguments, **options)

        return call


async def test_a_partition_that_cannot_be_read_keeps_no_other_from_being_proved(books: Books) -> None:
    for team in ("busy", "other", "third"):
        await books.use(1, team=team)
    service = books.service(port(Hot(books.documents)))

    assert await reconcile_usage(service, books.store, Board(), books.clock) == Reconciled(2, 0, 0, 1)
    assert {finding.team async for finding in service.results.of("2026-11")} == {"other", "third"}


async def test_what_a_run_was_killed_at_comes_last_in_the_next(books: Books) -> None:
    await books.use(1, team="busy")
    await books.use(2, team="other")
    await books.reconciliation.results.trying("busy", "2026-11", books.clock.now())
    slow = port(Lasting(books.documents, books.clock, 60, "upsert"))

    await reconcile_usage(books.service(slow), books.store, Board(), books.clock, 30.0)

    assert [finding.team async for finding in books.reconciliation.results.of("2026-11")] == ["other"]


async def test_a_partition_that_takes_too_long_is_named_and_left_for_a_day(books: Books) -> None:
    board = Board()
    await books.use(1)
    slow = books.service(port(Lasting(books.documents, books.clock, LONGEST_S)))

    assert await reconcile_usage(slow, books.store, board, books.clock, 1e9) == Reconciled(1, 1, 0)

    (notice,) = board.notices.values()
    assert (notice.severity, notice.title) == (
        "critical",
        "The ledger of search in 2026-11 is too large to prove in one run",
    )
    assert await run(books) == Reconciled(0, 0, 0)
    books.clock.advance(24 * 3600)
    assert await run(books) == Reconciled(1, 0, 0)


async def test_when_the_time_zone_changes_all_that_ever_was_is_counted_anew(books: Books) -> None:
    board = Board()
    ago = NOON - timedelta(days=400)
    await books.use(1)
    await books.use(2, team="other", at=ago)
    await run(books)
    moved = Books(books.documents, "Asia/Kolkata")
    moved.clock = books.clock
    moved.reconciliation = moved.service(books.documents)

    assert await run(moved, board, budget_s=0.0) == Reconciled(0, 0, 2)
    assert not (await moved.reconciliation.zone.state()).is_settled
    assert await run(moved, board) == Reconciled(2, 0, 0)

    assert [notice.title for notice in board.notices.values()] == ["The reporting time zone has become Asia/Kolkata"]
    assert (await moved.reconciliation.zone.state()).is_settled
    notices = [notice for notice in board.notices.values() if "time zone" in notice.id]
    assert [(notice.severity, dict(notice.facts)) for notice in notices] == [("critical", {"It was": "UTC"})]
    november = Calendar("Asia/Kolkata").at(ago).window
    cells = [cell async for cell in books.store.cells(View.DETAIL, Grain.MONTH, november)]
    assert [(cell.key.start, cell.sums["requests"]) for cell in cells] == [(november.start, 1)]
    assert await run(moved) == Reconciled(0, 0, 0)


async def test_people_hear_of_what_was_wrong(books: Books) -> None:
    board = Board()
    await books.use(1)
    await books.documents.delete(CONTAINER, PARTITION, "head")

    assert await run(books, board) == Reconciled(1, 1, 0)

    (notice,) = board.notices.values()
    assert (notice.kind, notice.severity, notice.team) == ("reconciliation", "warning", "search")
    assert ("head differs", "1") in notice.facts


async def test_what_cannot_be_put_right_is_critical(books: Books) -> None:
    board = Board()
    await books.use(1)
    await books.documents.delete(CONTAINER, PARTITION, "req_000001")
    await run(books, board)

    (notice,) = board.notices.values()
    assert notice.severity == "critical"


async def test_people_hear_of_a_budget_that_lastingly_differs(books: Books) -> None:
    board, counters = Board(), FakeCounters()
    comparison = BudgetComparison(books.documents, books.store, counters, books.clock, time_zone="UTC")
    budget = Budget(id="bud_1", scope="teams/search", amount=Decimal(5))
    await compare_budgets(comparison, [(budget, "search")], board)
    await books.ledger.post([entry_for(1)])
    await compare_budgets(comparison, [(budget, "search")], board)
    assert board.notices == {}

    books.clock.advance(SETTLED_AFTER.total_seconds())
    await compare_budgets(comparison, [(budget, "search")], board)

    (notice,) = board.notices.values()
    assert ("Difference", "1.000000007") in notice.facts
    assert counters.counted == []


async def test_budgets_come_from_the_file_and_from_the_store(books: Books) -> None:
    declared = Budget(id="bud_1", scope="organization", amount=Decimal(5))
    store = DirectoryStore(books.documents, books.clock, Chain(b"pepper"))

    assert await budgets_of(store, FileDirectory([declared])) == [(declared, None)]


def test_the_gateways_names_lead_to_azures() -> None:
    deployments = [
        Deployment("east", "azure_openai", "https://Contoso-East.openai.azure.com", "GPT41"),
        Deployment("any", "azure_openai", "https://west.openai.azure.com", "{model}"),
        Deployment("direct", "openai_compatible", "https://api.example", "x"),
    ]
    too = replace(deployments[1], name="any-dated")
    assert azure_names([*deployments, too]) == {
        "east": ("contoso-east", "gpt41"),
        "any": ("west", "*"),
        "any-dated": ("west", "*"),
    }


async def failing(books: Books, board: Board, *hours: float) -> None:
    """Run after each of these pauses, while one partition cannot be read."""
    service = books.service(port(Hot(books.documents)))
    for pause in hours:
        books.clock.advance(pause * 3600)
        await reconcile_usage(service, books.store, board, books.clock)


async def test_people_hear_once_a_day_of_a_partition_that_can_never_be_read(books: Books) -> None:
    board = Board()
    await books.use(1, team="busy")
    await failing(books, board, 0, 1)
    assert board.notices == {}

    await failing(books, board, 1, 1, 1)

    (notice,) = board.notices.values()
    assert (notice.kind, notice.severity, notice.team) == ("reconciliation", "critical", "busy")
    assert notice.title == "The ledger of busy in 2026-11 cannot be read"
    await failing(books, board, 24)
    assert len(board.notices) == 2


async def test_three_tries_within_minutes_are_no_news(books: Books) -> None:
    board = Board()
    await books.use(1, team="busy")

    await failing(books, board, 0, 0.3, 0.3)

    assert board.notices == {}


async def test_a_partition_that_could_be_read_in_between_is_counted_from_the_beginning(books: Books) -> None:
    board = Board()
    await books.use(1, team="busy")
    await failing(books, board, 0, 1)
    books.clock.advance(3600)
    await run(books, board)
    await books.use(2, team="busy")

    await failing(books, board, 1, 1)

    assert board.notices == {}


class Unwritten(Hot):
    """Nor can it be written down."""

    async def after(self, name: str) -> None:
        if name == "upsert":
            raise StoreUnavailable("429")


async def test_where_nothing_can_be_written_down_others_are_still_looked_at(books: Books) -> None:
    for team in ("busy", "other"):
        await books.use(1, team=team)
    service = books.service(port(Unwritten(books.documents)))

    assert (await reconcile_usage(service, books.store, Board(), books.clock)).failed == 2


async def moved_to(books: Books, zone: str) -> Books:
    moved = Books(books.documents, zone)
    moved.clock = books.clock
    moved.reconciliation = moved.service(books.documents)
    return moved


async def test_what_another_time_zone_does_not_make_is_told_while_all_is_counted_anew(books: Books) -> None:
    board = Board()
    await books.use(1)
    await run(books)
    head = await books.documents.get(CONTAINER, PARTITION, "head")
    assert head is not None
    await books.documents.upsert(CONTAINER, PARTITION, {**head.body, "events": 9})

    assert await run(await moved_to(books, "Asia/Kolkata"), board) == Reconciled(1, 1, 0)

    titles = {notice.title for notice in board.notices.values()}
    assert "The ledger of search in 2026-11 was not in order" in titles


class Timing(Hot):
    """Nor does it say so at once."""

    def __init__(self, books: Books) -> None:
        super().__init__(books.documents)
        self._clock = books.clock

    async def before(self, name: str) -> None:
        self._clock.advance(1)


async def test_what_cannot_be_counted_anew_keeps_nothing_else_from_being_proved(books: Books) -> None:
    for team in ("busy", "other"):
        await books.use(1, team=team)
    await run(books)
    moved = await moved_to(books, "Asia/Kolkata")
    service = moved.service(port(Timing(books)))
    await reconcile_usage(service, books.store, Board(), books.clock, 1000)
    await moved.use(2, team="other")

    done = [await reconcile_usage(service, books.store, Board(), books.clock, 11) for _ in range(2)]

    assert [(each.looked_at, each.failed, each.left) for each in done] == [(0, 1, 1), (1, 0, 1)]
    assert not (await service.zone.state()).is_settled
