"""What Azure charged and what the ledger says are held against each other, and the rest has names."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest

from shared.ledger.model import Dimensions, Entry
from shared.reconciliation.azure_comparison import ANY, Cause, Reason, Row, compare
from shared.reconciliation.azure_costs import AzureCostStore, parse_export
from tests.shared.reconciliation.books import NOON, Books, event_of

HEADER = "Date,Meter,Cost,Currency,Quantity,UnitOfMeasure,ChargeType,ResourceId,Tags\n"
NAMES = {("contoso", "gpt41"): "east"}


class Month:
    def __init__(self, time_zone: str = "UTC") -> None:
        self.books = Books(time_zone=time_zone)
        self.books.clock.set(datetime(2026, 12, 20, tzinfo=UTC))
        self.costs = AzureCostStore(self.books.documents, self.books.clock)
        self.numbers = iter(range(1000))

    async def use(
        self, cost: int | None, deployment: str = "east", at: datetime = NOON, currency: str = "USD", **sums: int
    ) -> None:
        number = next(self.numbers)
        counted = {"requests": 1, **{name.replace("__", "."): value for name, value in sums.items()}}
        dimensions = Dimensions("search", currency=currency, deployment=deployment)
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

    (row,) = await month.rows()
    assert (row.residual, row.percent, row.currency) == (None, None, "EUR")
    assert row.causes[0] == Cause(Reason.CURRENCY)


async def test_what_only_one_side_knows_is_listed(month: Month) -> None:
    await month.use(1_000_000_000)
    await month.use(5, deployment="openai-direct")
    await month.charged(line("2", deployment="mystery"), line("3", deployment=None))

    rows = await month.rows()

    assert [(row.deployment, row.azure_name, row.residual) for row in rows] == [
        (None, None, 3 * 10**9),
        (None, "mystery", 2 * 10**9),
        ("east", None, -(10**9)),
    ]
    assert await month.causes() == {Reason.UNTAGGED, Reason.UNKNOWN_DEPLOYMENT}


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


async def test_a_deployment_that_serves_any_model_stands_for_its_account(month: Month) -> None:
    await month.use(1_000_000_000)
    await month.charged(line("1"))

    found = await compare(month.costs, month.books.store, "2026-11", {("contoso", ANY): "east"}, "UTC")

    assert found is not None
    assert [row.deployment for row in found.rows] == ["east"]
