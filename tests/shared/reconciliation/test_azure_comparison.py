"""What Azure charged and what the ledger says are held against each other, and the rest has names."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger.model import Capacity, Dimensions, Entry, EntryType
from shared.reconciliation.azure_comparison import ANY, Cause, Reason, Row, Total, compare
from shared.reconciliation.azure_costs import AzureCostStore, parse_export
from tests.shared.reconciliation.books import NOON, Books, event_of

HEADER = "Date,Meter,Cost,Currency,Quantity,UnitOfMeasure,ChargeType,ResourceId,Tags\n"
NAMES = {"east": ("contoso", "gpt41")}


class Month:
    def __init__(self, time_zone: str = "UTC") -> None:
        self.books = Books(time_zone=time_zone)
        self.books.clock.set(datetime(2026, 12, 20, tzinfo=UTC))
        self.costs = AzureCostStore(self.books.documents, self.books.clock)
        self.numbers = iter(range(1000))

    async def use(
        self,
        cost: int | None,
        deployment: str | None = "east",
        at: datetime = NOON,
        currency: str = "USD",
        model: str | None = None,
        **sums: int,
    ) -> None:
        number = next(self.numbers)
        counted = {"requests": 1, **{name.replace("__", "."): value for name, value in sums.items()}}
        dimensions = Dimensions("search", currency=currency, deployment=deployment, model=model)
        entry = Entry(f"led_req_{number:06}", at, at, dimensions, counted, f"req_{number:06}", cost)
        await self.books.ledger.post([entry], [event_of(number, at)])

    async def charged(self, *lines: str) -> None:
        text = HEADER + "".join(f"{line}\n" for line in lines)
        await self.costs.keep(*parse_export(BytesIO(text.encode())), "ada")

    async def rows(self) -> tuple[Row, ...]:
        found = await compare(self.costs, self.books.store, "2026-11", NAMES, self.books.time_zone)
        assert found is not None
        return found.rows

    async def causes(self) -> set[Reason]:
        return {cause.reason for row in await self.rows() for cause in row.causes}


def line(
    cost: str,
    day: str = "11/10/2026",
    deployment: str | None = "gpt41",
    tokens: str = "",
    currency: str = "USD",
    charge: str = "Usage",
) -> str:
    tags = f'"""deployment"": ""{deployment}"""' if deployment else ""
    return f"{day},gpt Tokens,{cost},{currency},{tokens},1,{charge},/x/accounts/Contoso,{tags}"


@pytest.fixture
def month() -> Month:
    return Month()


async def test_without_an_export_there_is_nothing_to_compare(month: Month) -> None:
    assert await compare(month.costs, month.books.store, "2026-11", NAMES, "UTC") is None


async def test_what_agrees_has_no_causes(month: Month) -> None:
    await month.use(2_000_000_000)
    await month.charged(line("2"))

    assert await month.rows() == (Row("east", "gpt41", "contoso", "USD", 2 * 10**9, 2 * 10**9, 0, Decimal(0), ()),)


@pytest.mark.parametrize(
    ("sums", "reason"),
    [
        ({"estimated": 1}, Reason.ESTIMATED),
        ({"pending": 1}, Reason.PENDING),
        ({"errors__content_filter": 1}, Reason.CONTENT_FILTER),
    ],
)
async def test_what_is_left_has_the_reasons_that_the_ledger_knows(
    month: Month, sums: dict[str, int], reason: Reason
) -> None:
    await month.use(1_000_000_000, **sums)
    await month.charged(line("3"))

    (row,) = await month.rows()
    assert (row.residual, row.percent) == (2 * 10**9, Decimal("66.67"))
    assert row.causes == (Cause(reason, 1, "requests"),)


async def test_requests_without_a_price_are_counted(month: Month) -> None:
    await month.use(None)
    await month.charged(line("3"))
    assert (await month.rows())[0].causes == (Cause(Reason.UNPRICED, 1, "requests"),)


async def test_the_same_tokens_at_another_price_are_told_from_more_tokens(month: Month) -> None:
    await month.use(1_000_000_000, tokens__input_fresh=1000)
    await month.charged(line("2", tokens="1001"))
    assert (await month.rows())[0].causes == (Cause(Reason.OTHER_PRICE, 10**9, "nano"),)

    await month.charged(line("2", tokens="3000"))
    assert (await month.rows())[0].causes == (Cause(Reason.NOT_THROUGH_GATEWAY, 2000, "tokens"),)


async def test_currencies_are_never_subtracted_from_each_other(month: Month) -> None:
    await month.use(1_000_000_000)
    await month.charged(line("1", currency="EUR"))

    assert [(row.currency, row.azure, row.ledger, row.residual, row.percent) for row in await month.rows()] == [
        ("EUR", 10**9, 0, None, None),
        ("USD", 0, 10**9, None, None),
    ]
    assert await month.causes() == {Reason.CURRENCY}


async def test_each_currency_has_a_row_of_its_own(month: Month) -> None:
    await month.use(5_000_000_000)
    await month.use(2_000_000_000, currency="EUR")
    await month.use(7_000_000_000, currency="GBP")
    await month.charged(line("5"), line("3", currency="EUR"))

    assert {row.currency: (row.azure, row.ledger, row.residual) for row in await month.rows()} == {
        "USD": (5 * 10**9, 5 * 10**9, 0),
        "EUR": (3 * 10**9, 2 * 10**9, 10**9),
        "GBP": (0, 7 * 10**9, None),
    }


async def test_what_has_no_price_yet_has_no_currency_of_its_own(month: Month) -> None:
    await month.use(None)
    await month.charged(line("1", currency="EUR"))

    (row,) = await month.rows()
    assert (row.currency, row.residual, row.causes) == ("EUR", 10**9, (Cause(Reason.UNPRICED, 1, "requests"),))


async def test_deployments_of_the_gateway_that_are_one_at_azure_are_added_up(month: Month) -> None:
    await month.use(1_000_000_000)
    await month.use(2_000_000_000, deployment="east-too")
    await month.charged(line("3"))

    found = await compare(month.costs, month.books.store, "2026-11", NAMES | {"east-too": NAMES["east"]}, "UTC")

    assert found is not None
    assert [(row.deployment, row.ledger, row.residual) for row in found.rows] == [("east, east-too", 3 * 10**9, 0)]


@pytest.mark.parametrize("kind", [EntryType.ALLOCATION, EntryType.ADJUSTMENT])
async def test_shares_of_capacity_are_no_usage_and_neither_are_their_corrections(month: Month, kind: EntryType) -> None:
    await month.use(1_000_000_000)
    dimensions = Dimensions("search", kind, deployment="east", capacity=Capacity.PROVISIONED)
    for number, name in enumerate(("provisioned", "idle", "input_fresh")):
        cost = 10 ** (number + 1)
        entry = Entry(f"ptu_{number}", NOON, NOON, dimensions, {}, cost=cost, lines={name: cost})
        await month.books.ledger.post([entry])
    await month.charged(line("1"))

    assert [row.ledger for row in await month.rows()] == [10**9 + (1000 if kind is EntryType.ADJUSTMENT else 0)]


async def test_what_only_one_side_knows_is_listed(month: Month) -> None:
    await month.use(1_000_000_000)
    await month.use(5, deployment="openai-direct")
    await month.charged(line("2", deployment="mystery"), line("3", deployment=None))

    rows = await month.rows()

    assert [(row.deployment, row.azure_name, row.residual) for row in rows] == [
        (None, None, 3 * 10**9),
        (None, "mystery", 2 * 10**9),
        ("east", "gpt41", -(10**9)),
        ("openai-direct", None, -5),
    ]
    assert await month.causes() == {Reason.UNTAGGED, Reason.UNKNOWN_DEPLOYMENT, Reason.NOT_AT_AZURE}


async def test_purchases_are_not_usage(month: Month) -> None:
    await month.use(1_000_000_000)
    await month.charged(line("1.5"), line("100", charge="Purchase"))

    (row,) = await month.rows()
    assert row.residual == 500_000_000
    assert row.causes == (Cause(Reason.PURCHASE, 100 * 10**9, "nano"),)


async def test_an_export_that_is_fresh_may_not_be_complete(month: Month) -> None:
    month.books.clock.set(NOON + timedelta(days=1))
    await month.charged(line("1"))
    assert Reason.NOT_COMPLETE in await month.causes()


@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York", "Asia/Kolkata"])
async def test_azures_days_are_of_utc_whatever_the_reporting_time_zone(time_zone: str) -> None:
    month = Month(time_zone)
    for hour in (-13, -12, 11, 12):
        await month.use(10 ** (hour + 13) if hour < 0 else 100 * (hour - 10), at=NOON + timedelta(hours=hour))
    await month.charged(line("0"))

    assert (await month.rows())[0].ledger == 10 + 100


async def test_deployments_that_serve_any_model_of_an_account_are_compared_model_by_model(month: Month) -> None:
    await month.use(1_000_000_000, deployment="azure", model="gpt-4o")
    await month.use(2_000_000_000, deployment="azure-dated", model="gpt-4o")
    await month.use(3_000_000_000, deployment="azure-dated", model="Whisper-1")
    await month.use(4_000_000_000, deployment="azure", model=None)
    await month.use(5_000_000_000, deployment="azure", model="gpt41")
    await month.charged(line("3", deployment="gpt-4o"), line("7", deployment="gpt-5"), line("6"))

    homes = NAMES | {"azure": ("contoso", ANY), "azure-dated": ("contoso", ANY)}
    found = await compare(month.costs, month.books.store, "2026-11", homes, "UTC")

    assert found is not None
    assert {(row.deployment, row.azure_name): (row.azure, row.ledger) for row in found.rows} == {
        ("azure, azure-dated", "gpt-4o"): (3 * 10**9, 3 * 10**9),
        ("azure, azure-dated", "gpt-5"): (7 * 10**9, 0),
        ("azure-dated", "whisper-1"): (0, 3 * 10**9),
        ("azure", None): (0, 4 * 10**9),
        ("azure, east", "gpt41"): (6 * 10**9, 5 * 10**9),
    }
    assert Reason.UNKNOWN_DEPLOYMENT not in {cause.reason for row in found.rows for cause in row.causes}
    assert found.totals == (Total("USD", 16 * 10**9, 15 * 10**9, 10**9),)


USES = st.tuples(
    st.integers(0, 10**6),
    st.sampled_from(["east", "any", "direct", None]),
    st.sampled_from(["gpt41", "gpt-5", None]),
    st.sampled_from(["USD", "EUR"]),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(USES, max_size=8))
async def test_all_that_the_ledgers_use_has_cost_is_in_some_row(uses: list[tuple[int, str, str, str]]) -> None:
    month = Month()
    for cost, deployment, model, currency in uses:
        await month.use(cost, deployment=deployment, model=model, currency=currency)
    await month.charged(line("3"), line("1", deployment="gpt-5"))

    homes = NAMES | {"any": ("contoso", ANY)}
    found = await compare(month.costs, month.books.store, "2026-11", homes, "UTC")

    assert found is not None
    spent: Counter[str] = Counter()
    for cost, _, _, currency in uses:
        spent[currency] += cost
    assert {total.currency: total.ledger for total in found.totals if total.ledger} == +spent


async def test_calls_that_reached_no_deployment_and_cost_nothing_have_no_row(month: Month) -> None:
    await month.use(0, deployment=None)
    await month.charged(line("2"))

    assert [row.deployment for row in await month.rows()] == ["east"]


async def test_what_is_settled_in_another_row_than_its_call_is_no_reason(month: Month) -> None:
    await month.use(1_000_000_000, pending=-1)
    await month.charged(line("3"))

    assert await month.causes() == set()
