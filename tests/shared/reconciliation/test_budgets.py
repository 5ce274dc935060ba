"""A budget is held against the ledger; what nothing explains is told, and only what is safe to count is counted."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.budgets.model import allowance_of
from shared.directory.model import Budget
from shared.documents import StoreUnavailable
from shared.leases.model import Allowance, Level
from shared.ledger.model import Capacity, Dimensions, Entry, EntryType
from shared.ledger.store import LedgerStore
from shared.reconciliation.budgets import SETTLED_AFTER, BudgetComparison, BudgetFinding, BudgetReason, scopes_of
from shared.windows import Period
from tests.shared.reconciliation.books import NOON, Books, event_of
from tests.shared.watched_documents import Dying, Meddled, Watched, port


class FakeCounters:
    def __init__(self) -> None:
        self.used = 0
        self.leased = 0
        self.counted: list[tuple[str, int]] = []

    async def look(self, allowance: Allowance) -> Level:
        return Level(self.used, self.leased, allowance.limit, None)

    def count(self, allowance: Allowance, amount: int) -> None:
        self.counted.append((allowance.name, amount))
        self.used += amount


def budget(scope: str = "teams/search", time_zone: str = "UTC") -> Budget:
    return Budget(id="bud_1", scope=scope, amount=Decimal(100), period=Period.MONTH, time_zone=time_zone)


class Accounts:
    def __init__(self, time_zone: str = "UTC") -> None:
        self.books = Books(time_zone=time_zone)
        self.counters = FakeCounters()
        self.comparison = self.service(self.books)
        self.numbers = iter(range(1000))

    def service(self, books: Books) -> BudgetComparison:
        return BudgetComparison(books.documents, books.store, self.counters, books.clock, time_zone=books.time_zone)

    async def use(
        self, cost: int | None, at: datetime = NOON, sums: dict[str, int] | None = None, **more: object
    ) -> None:
        number = next(self.numbers)
        dimensions = Dimensions(**{"team": "search", **more})  # type: ignore[arg-type]
        entry = Entry(
            f"led_req_{number:06}", at, at, dimensions, {"requests": 1, **(sums or {})}, f"req_{number:06}", cost
        )
        await self.books.ledger.post([entry], [event_of(number, at, dimensions.team)])

    async def look(self, found: Budget | None = None, *, repair: bool = False) -> BudgetFinding:
        return (await self.comparison.compare([(found or budget(), None)], repair=repair))[0]

    async def look_again(self, *, repair: bool = True) -> BudgetFinding:
        self.books.clock.advance(SETTLED_AFTER.total_seconds())
        return await self.look(repair=repair)


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


async def test_a_budget_that_counted_everything_differs_by_nothing(accounts: Accounts) -> None:
    await accounts.use(70)
    await accounts.use(30, at=NOON - timedelta(days=31))
    accounts.counters.used = 70

    finding = await accounts.look()

    assert (finding.ledger, finding.spent, finding.difference, finding.percent) == (70, 70, 0, Decimal(0))
    assert finding.reasons == ()


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("organization", 31),
        ("areas/retail", 3),
        ("teams/search", 15),
        ("teams/search/applications/crawler", 2),
        ("teams/search/users/ada@contoso.example", 4),
        ("keys/vk_1", 8),
        ("teams/nobody", 0),
    ],
)
async def test_what_belongs_to_a_scope_is_counted(accounts: Accounts, scope: str, expected: int) -> None:
    await accounts.use(1, area="retail")
    await accounts.use(2, area="retail", application="crawler")
    await accounts.use(4, user="ada@contoso.example")
    await accounts.use(8, key="vk_1")
    await accounts.use(16, team="other", application="crawler")

    assert (await accounts.look(budget(scope))).ledger == expected


def test_a_user_of_another_team_with_the_same_name_is_another() -> None:
    assert "teams/search/users/ada" in scopes_of(Dimensions("search", user="ada"))
    assert "teams/search/users/ada" not in scopes_of(Dimensions("other", user="ada"))
    assert "teams/search/users/ada" not in scopes_of(Dimensions("search", application="ada"))


@pytest.mark.parametrize("reporting", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("of_budget", ["UTC", "Asia/Kolkata", "America/New_York"])
async def test_the_budgets_own_time_zone_decides_what_is_in_its_period(reporting: str, of_budget: str) -> None:
    accounts = Accounts(reporting)
    starts = {"UTC": (1, 0), "Asia/Kolkata": (31, 18.5), "America/New_York": (1, 4)}
    day, hours = starts[of_budget]
    start = datetime(2026, 10 if day == 31 else 11, day, tzinfo=UTC) + timedelta(hours=hours)
    await accounts.use(1, at=start - timedelta.resolution)
    await accounts.use(2, at=start)

    assert (await accounts.look(budget(time_zone=of_budget))).ledger == 2


async def test_what_is_known_to_explain_a_difference_is_named(accounts: Accounts) -> None:
    accounts.counters.leased = 5
    await accounts.use(None)
    await accounts.use(1, sums={"pending": 1})
    await accounts.use(2, type=EntryType.ADJUSTMENT)
    await accounts.use(4, type=EntryType.ALLOCATION)
    await accounts.use(8, currency="EUR")

    finding = await accounts.look()

    assert finding.ledger == 3
    assert dict(finding.reasons) == {
        BudgetReason.IN_FLIGHT: 5,
        BudgetReason.UNPRICED: 1,
        BudgetReason.PENDING: 1,
        BudgetReason.ADJUSTED: 2,
        BudgetReason.ALLOCATED: 4,
        BudgetReason.OTHER_CURRENCY: 8,
    }


async def test_what_a_budget_missed_is_counted_once_it_stays_the_same(accounts: Accounts) -> None:
    await accounts.look(repair=True)
    await accounts.use(70)
    assert (await accounts.look(repair=True)).repaired == 0

    finding = await accounts.look_again()
    assert (finding.repaired, accounts.counters.counted) == (70, [("budget:bud_1", 70)])

    assert (await accounts.look_again()).difference == 0
    assert len(accounts.counters.counted) == 1


async def test_without_being_asked_nothing_is_counted(accounts: Accounts) -> None:
    await accounts.look()
    await accounts.use(70)
    await accounts.look()
    finding = await accounts.look_again(repair=False)

    assert (finding.is_lasting, finding.repaired, accounts.counters.counted) == (True, 0, [])


async def test_what_changes_waits(accounts: Accounts) -> None:
    await accounts.look()
    await accounts.use(70)
    await accounts.look()
    await accounts.use(1)

    assert (await accounts.look_again()).repaired == 0
    assert (await accounts.look_again()).repaired == 71


async def test_money_is_never_given_back(accounts: Accounts) -> None:
    """An event that is lost looks the same: what was spent would be spent again."""
    accounts.counters.used = 50
    for _ in range(3):
        finding = await accounts.look_again()
    assert (finding.difference, finding.is_lasting, accounts.counters.counted) == (-50, True, [])


async def test_what_was_used_before_a_budget_was_made_is_not_counted_on_it(accounts: Accounts) -> None:
    await accounts.use(1000)
    await accounts.look(repair=True)
    assert (await accounts.look_again()).repaired == 0

    await accounts.use(7)
    await accounts.look(repair=True)
    assert (await accounts.look_again()).repaired == 7
    assert accounts.counters.used == 7


async def test_what_is_explained_is_not_counted(accounts: Accounts) -> None:
    await accounts.look()
    await accounts.use(70, sums={"pending": 1})
    await accounts.look()
    assert (await accounts.look_again()).repaired == 0


async def test_a_difference_is_told_again_once_all_that_was_pending_is_settled(accounts: Accounts) -> None:
    await accounts.look()
    await accounts.use(0, sums={"pending": 1})
    await accounts.use(70)
    await accounts.look()
    assert not (await accounts.look_again(repair=False)).is_lasting

    await accounts.use(3, sums={"requests": 0, "pending": -1})
    accounts.counters.used += 3
    await accounts.look()
    finding = await accounts.look_again(repair=False)

    assert (finding.missing, finding.reasons, finding.is_lasting) == (70, (), True)


async def test_what_got_its_price_in_another_currency_is_not_without_one(accounts: Accounts) -> None:
    await accounts.use(None)
    await accounts.use(8, sums={"requests": 0, "unpriced": -1}, type=EntryType.ADJUSTMENT, currency="EUR")

    assert (await accounts.look()).reasons == ((BudgetReason.OTHER_CURRENCY, 8),)


@pytest.mark.parametrize(
    ("adjusted", "leased", "counted", "missing"),
    [
        (10, 0, 0, 50),
        (10, 0, 10, 40),
        (-10, 0, 0, 40),
        (0, 5, 0, 45),
        (0, 0, 0, 50),
        (0, 0, 120, -70),
        (60, 0, 60, 0),
    ],
)
async def test_reasons_explain_what_they_come_to_and_no_more(
    accounts: Accounts, adjusted: int, leased: int, counted: int, missing: int
) -> None:
    await accounts.look()
    await accounts.use(50)
    if adjusted:
        await accounts.use(adjusted, type=EntryType.ADJUSTMENT)
    accounts.counters.leased, accounts.counters.used = leased, counted
    await accounts.look()
    finding = await accounts.look_again(repair=False)

    assert (finding.missing, finding.is_lasting) == (missing, bool(missing))


async def test_while_an_instance_holds_a_share_nothing_is_counted(accounts: Accounts) -> None:
    await accounts.look()
    await accounts.use(70)
    accounts.counters.leased = 5
    await accounts.look()
    finding = await accounts.look_again()

    assert (finding.is_lasting, finding.repaired) == (True, 0)


async def test_corrections_of_shares_of_capacity_are_shares(accounts: Accounts) -> None:
    dimensions = Dimensions("search", EntryType.ADJUSTMENT, capacity=Capacity.PROVISIONED)
    entry = Entry("ptu_1", NOON, NOON, dimensions, {}, cost=-25, lines={"idle": -25})
    await accounts.books.ledger.post([entry])

    finding = await accounts.look()

    assert (finding.ledger, finding.reasons) == (0, ((BudgetReason.ALLOCATED, -25),))


async def test_many_budgets_share_one_reading_of_the_ledger(accounts: Accounts) -> None:
    for number in range(20):
        await accounts.use(number, key=f"vk_{number}")
    watched = Watched(accounts.books.documents)
    store = LedgerStore(port(watched))
    books = accounts.books
    comparison = BudgetComparison(books.documents, store, accounts.counters, books.clock, time_zone="UTC")
    budgets = [budget(f"keys/vk_{number}").model_copy(update={"id": f"bud_{number}"}) for number in range(20)]

    findings = await comparison.compare([(each, "search") for each in budgets])

    assert [finding.ledger for finding in findings] == list(range(20))
    assert len(watched.calls) < 5


async def test_while_the_ledger_is_counted_anew_nothing_is_compared(accounts: Accounts) -> None:
    await accounts.look()
    books = accounts.books
    moved = BudgetComparison(books.documents, books.store, accounts.counters, books.clock, time_zone="Asia/Tokyo")

    assert await moved.compare([(budget(), None)]) == []


async def test_a_new_period_begins_anew(accounts: Accounts) -> None:
    await accounts.look()
    await accounts.use(70)
    await accounts.look()
    accounts.books.clock.set(datetime(2026, 12, 3, tzinfo=UTC))
    finding = await accounts.look(repair=True)
    assert (finding.difference, finding.before, finding.repaired) == (0, 0, 0)


@pytest.mark.parametrize("carries_out", [False, True])
async def test_killed_while_it_is_kept_nothing_is_counted_twice(accounts: Accounts, carries_out: bool) -> None:
    await accounts.look()
    await accounts.use(70)
    await accounts.look()
    accounts.books.clock.advance(SETTLED_AFTER.total_seconds())
    books = accounts.books
    for at in range(1, 3):
        dying = port(Dying(books.documents, at, carries_out=carries_out))
        comparison = BudgetComparison(dying, books.store, accounts.counters, books.clock, time_zone="UTC")
        with pytest.raises(StoreUnavailable):
            await comparison.compare([(budget(), None)], repair=True)
    for _ in range(3):
        await accounts.look_again()

    assert accounts.counters.used == 70


async def test_of_two_instances_one_counts(accounts: Accounts) -> None:
    await accounts.look()
    await accounts.use(70)
    await accounts.look()
    accounts.books.clock.advance(SETTLED_AFTER.total_seconds())
    books = accounts.books

    async def other() -> None:
        await accounts.comparison.compare([(budget(), None)], repair=True)

    meddled = port(Meddled(books.documents, 2, other))
    comparison = BudgetComparison(meddled, books.store, accounts.counters, books.clock, time_zone="UTC")
    (finding,) = await comparison.compare([(budget(), None)], repair=True)

    assert finding.repaired == 0
    assert accounts.counters.used == 70
    assert allowance_of(budget()).name == accounts.counters.counted[0][0]
