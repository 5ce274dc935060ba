"""The tables of docs/explanation/running-costs.md, made from the model and the prices."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from shared.catalog.service import load_book
from tests.load import table
from tests.load.scale import capacity, costs, prices
from tests.load.scale.settings import DEV, PROD, STAGING, Calls, Environment

MODEL = "gpt-5.1"
_COLUMNS = ("idle", *(f"{rate} call{'s' * (rate > 1)}/s" for rate in costs.RATES[1:]))


def tables() -> str:
    """What `--costs` prints, and what stands in the page."""
    calls = Calls()
    parts = [
        *(
            f"### {name}\n\n{table.grid(_environment(each, calls, is_fronted))}"
            for name, each, is_fronted in _environments()
        ),
        f"### Beside the tokens\n\n{table.grid(_models(calls))}",
        f"### Prices\n\n{table.grid(_prices())}",
    ]
    return "\n\n".join(parts)


def _environments() -> Iterator[tuple[str, Environment, bool]]:
    yield "dev", DEV, False
    yield "staging", STAGING, False
    yield "prod", PROD, False
    yield "prod with Front Door", PROD, True


def _environment(environment: Environment, calls: Calls, is_fronted: bool) -> list[list[str]]:
    columns = [costs.of(rate, environment, calls, front_door=is_fronted) for rate in costs.RATES]
    lines = [[name, *(_usd(column[name]) for column in columns)] for name in columns[0]]
    head = [name + _mark(rate, environment, calls) for name, rate in zip(_COLUMNS, costs.RATES, strict=True)]
    return [["USD a month", *head], *lines, ["together", *(_usd(_sum(column)) for column in columns)]]


def _mark(rate: float, environment: Environment, calls: Calls) -> str:
    """A star where a component of the gateway is asked for more than it has."""
    own = list(capacity.loads(rate, environment, calls))[:-1] if rate else []
    return " *" if any(load.percent > 100 for load in own) else ""


def _models(calls: Calls) -> list[list[str]]:
    price = load_book().find(MODEL, datetime(2026, 11, 21, tzinfo=UTC))
    assert price is not None
    assert price.input is not None
    assert price.output is not None
    tokens = [costs.models(rate, calls, price.input, price.output) for rate in costs.RATES]
    gateway = [_sum(costs.of(rate, PROD, calls)) for rate in costs.RATES]
    share = [f"{100 * own / (own + spent):.1f} %" if spent else "-" for own, spent in zip(gateway, tokens, strict=True)]
    lines = [[f"tokens of {MODEL}", *map(_usd, tokens)], ["prod", *map(_usd, gateway)], ["of all that is paid", *share]]
    return [["USD a month", *_COLUMNS], *lines]


def _prices() -> list[list[str]]:
    head = ["name", "USD", "per", "source", "checked"]
    rows = [
        [f"`{name}`", str(rate.usd), rate.per, f"[page]({rate.source})", rate.checked or "**no**"]
        for name, rate in prices.RATES.items()
    ]
    return [head, *rows]


def _sum(column: costs.Row) -> Decimal:
    return sum(column.values(), Decimal())


def _usd(amount: Decimal) -> str:
    return f"{amount:,.0f}"
