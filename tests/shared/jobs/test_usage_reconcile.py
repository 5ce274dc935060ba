"""Every partition of this month and the last is proved, without doing again what still holds."""

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.audit.model import Chain
from shared.directory.declared import FileDirectory
from shared.directory.model import Budget
from shared.directory.store import DirectoryStore
from shared.jobs.usage_reconcile import Reconciled, azure_names, budgets_of, compare_budgets, reconcile_usage
from shared.ledger.model import CONTAINER
from shared.providers.model import Deployment
from shared.reconciliation.budgets import SETTLED_AFTER, BudgetComparison
from tests.shared.jobs.test_period_close import Board
from tests.shared.reconciliation.books import NOON, PARTITION, Books, entry_for
from tests.shared.reconciliation.test_budgets import FakeCounters


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


def test_azures_names_lead_to_the_gateways() -> None:
    deployments = [
        Deployment("east", "azure_openai", "https://Contoso-East.openai.azure.com", "GPT41"),
        Deployment("any", "azure_openai", "https://west.openai.azure.com", "{model}"),
        Deployment("direct", "openai_compatible", "https://api.example", "x"),
    ]
    assert azure_names(deployments) == {("contoso-east", "gpt41"): "east", ("west", "*"): "any"}
