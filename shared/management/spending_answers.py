"""What the management API answers to questions about money and use; the OpenAPI document is made of these."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from shared.fields import Strict

Money = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]{1,9})?$", description="An exact decimal amount.")]
Numbers = dict[str, int]
Amounts = dict[str, Money]


class Coverage(Strict):
    """Which state of the ledger the answer stands on: at least everything that was posted up to then is in it.

    `digest` is over the heads of all partitions that were read; who sees a part of a team's figures is told the time alone.
    """

    posted_through: AwareDatetime | None
    partitions: int | None = None
    postings: int | None = None
    events: int | None = None
    digest: str | None = None


class Covering(Strict):
    """The half-open stretch of time that the answer covers: what was asked for, widened to full hours, or days for tags."""

    from_: Annotated[AwareDatetime, Field(alias="from")]
    to: AwareDatetime
    time_zone: str
    coverage: Coverage


class Sums(Strict):
    """`cost` is that of what has a price, and null where nothing has one; `unpriced` counts the requests that have none.

    `lines` divide the cost by what was bought. `saved` is what the cache, a cheaper model or a cheaper tier has saved.
    """

    currency: str
    cost: Money | None
    unpriced: int
    requests: int
    estimated: int
    pending: int
    tokens: Numbers
    units: Numbers
    errors: Numbers
    lines: Amounts
    saved: Amounts


class Grouped(Strict):
    """`start` and `end` are those of the hour, day or month, unless all time was asked for at once.

    Of many rows the smaller ones stand together in one, named (others): `folded` says how many these are.
    """

    folded: int | None = None
    group: dict[str, str | None]
    currency: str
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class CostRow(Grouped, Sums):
    pass


class CostsAnswer(Covering):
    """`truncated`: there were too many rows to tell all of them apart. They come to the whole all the same."""

    grain: str
    truncated: bool
    rows: tuple[CostRow, ...]


class Part(Sums):
    """The last one, named (others), is what all `folded` smaller ones come to together."""

    name: str | None
    folded: int | None = None


class CostSummary(Covering):
    """The whole in each currency, and the dearest parts of it."""

    totals: tuple[Sums, ...]
    by_team: tuple[Part, ...] = ()
    by_model: tuple[Part, ...] = ()
    by_application: tuple[Part, ...] = ()
    by_tag: tuple[Part, ...] = ()


class Quantiles(Strict):
    """Milliseconds that so many percent do not exceed, at most a quarter too high; null where nothing was measured."""

    p50_ms: int | None
    p90_ms: int | None
    p95_ms: int | None
    p99_ms: int | None


class LatencyRow(Grouped):
    requests: int
    latency: Quantiles
    first_byte: Quantiles
    errors: Numbers


class LatencyAnswer(Covering):
    grain: str
    truncated: bool
    rows: tuple[LatencyRow, ...]


class UnpricedRow(Grouped):
    requests: int
    tokens: Numbers


class UnpricedAnswer(Covering):
    truncated: bool
    rows: tuple[UnpricedRow, ...]


class EntryAnswer(Strict):
    """A line of the ledger, which is never changed. `price` names the price that was applied, `lines` divide `cost`.

    `cost` null is unpriced, and `unpriced` says why; or `sums` count it as pending: it went on after its call, and what it has cost
    is another entry, made as soon as it is settled. An adjustment says in `adjusts` what it corrects, and why in `reason`.
    """

    id: str
    at: AwareDatetime
    posted_at: AwareDatetime
    dimensions: dict[str, str]
    cost: Money | None
    currency: str
    lines: Amounts
    price: str | None
    event: str | None
    tags: tuple[str, ...]
    session: str | None
    reason: str | None
    adjusts: str | None
    unpriced: tuple[str, ...]
    actor: str | None
    sums: Numbers
