"""Sums that agree however they are asked for: every grouping, every step, and the entries behind them."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger.model import Grain
from shared.management.figures import next_start
from tests.shared.management.office import ROOT, Office

START = datetime(2026, 3, 20, tzinfo=UTC)
"""Ten days before and after the clocks of Berlin go forward."""

USES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["gpt-4o", "o3", None]),
        st.integers(0, 20 * 24 * 60),
        st.one_of(st.none(), st.integers(1, 10**12)),
    ),
    max_size=12,
)


async def rows(office: Office, query: str) -> Any:
    answer = await office.call("GET", f"costs?{query}", by=ROOT)
    assert answer.status == 200, answer.raw
    return answer.json["rows"]


def total(found: Any) -> tuple[Decimal, int, int]:
    cost = sum((Decimal(row["cost"]) for row in found if row["cost"] is not None), Decimal(0))
    return cost, sum(row["requests"] for row in found), sum(row["unpriced"] for row in found)


@settings(max_examples=12, deadline=None)
@given(USES)
def test_every_question_about_the_same_time_comes_to_the_same(
    uses: list[tuple[str, str | None, int, int | None]],
) -> None:
    async def check() -> None:
        office = Office()
        office.clock.set(START + timedelta(days=30))
        for team, model, minutes, cost in uses:
            more = {"model": model} if model else {}
            await office.bookkeeping.spend(team, START + timedelta(minutes=minutes), cost, **more)
        span = "from=2026-03-01&to=2026-04-15"
        expected = total(await rows(office, span))
        costs = [cost for *_, cost in uses]
        assert expected == (
            sum((Decimal(cost) for cost in costs if cost), Decimal(0)).scaleb(-9), len(costs), costs.count(None),
        )  # fmt: skip
        for grain in ("total", "month", "day", "hour"):
            for groups in ("", "&group_by=team", "&group_by=team,model", "&group_by=model,key"):
                assert total(await rows(office, f"{span}&grain={grain}{groups}")) == expected
        halves = [await rows(office, f"from=2026-03-01&to={at}") for at in ("2026-03-29T01:00:00Z",)]
        halves.append(await rows(office, "from=2026-03-29T01:00:00Z&to=2026-04-15"))
        assert tuple(map(sum, zip(*map(total, halves), strict=True))) == expected
        entries = await office.items(f"entries?{span}&limit=5")
        assert (
            Counter(entry["id"] for entry in entries).total() == len(set(entry["id"] for entry in entries)) == len(uses)
        )

    asyncio.run(check())


async def test_a_price_that_came_later_is_seen_where_the_usage_is() -> None:
    office = Office()
    office.clock.set(START + timedelta(days=30))
    await office.bookkeeping.spend("a", START, None)
    await office.bookkeeping.spend("a", START, None)
    await office.bookkeeping.spend("a", START, 7, type="adjustment", sums={"requests": 0, "unpriced": -1})

    span = "from=2026-03-01&to=2026-04-15"
    both = {row["group"]["type"]: row["unpriced"] for row in await rows(office, f"{span}&group_by=team,type")}
    (alone,) = await rows(office, f"{span}&type=adjustment")

    assert both == {"usage": 1, "adjustment": 0}
    assert alone["unpriced"] == 0


def test_hours_and_days_follow_one_another_where_the_clock_changes() -> None:
    zone, moment = "Europe/Berlin", datetime(2026, 3, 28, 22, tzinfo=UTC)
    hours, days = [moment], [datetime(2026, 3, 27, 23, tzinfo=UTC)]
    for _ in range(5):
        hours.append(next_start(Grain.HOUR, hours[-1], zone))
    for _ in range(3):
        days.append(next_start(Grain.DAY, days[-1], zone))

    assert [(after - before).total_seconds() for before, after in pairwise(hours)] == [3600] * 5
    assert [(after - before).total_seconds() / 3600 for before, after in pairwise(days)] == [24, 23, 24]


async def test_of_too_many_rows_the_smaller_ones_stand_together(office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr("shared.management.ledger.MOST_ROWS", 2)
    office.clock.set(START + timedelta(days=30))
    for number in range(5):
        await office.bookkeeping.spend("a", START, number * 10**9, model=f"model-{number}")

    answer = (await office.call("GET", "costs?from=2026-03-01&group_by=model")).json

    assert answer["truncated"] is True
    assert [(row["group"]["model"], row["cost"], row["requests"], row.get("folded")) for row in answer["rows"]] == [
        ("model-3", "3", 1, None), ("model-4", "4", 1, None), ("(others)", "3", 3, 3),
    ]  # fmt: skip


async def test_many_names_of_one_developer_do_not_hide_what_all_others_spent(office: Office) -> None:
    office.clock.set(START + timedelta(days=30))
    for number in range(30):
        tags = (f"t=u{number}",)
        await office.bookkeeping.spend("a", START, 10**9 + number, model=f"zz-{number}", tags=tags)
    await office.bookkeeping.spend("b", START, 50 * 10**9, model="gpt-4o")

    answer = await office.call("GET", "costs/summary?from=2026-03-01")

    assert answer.status == 200
    models = answer.json["by_model"]
    assert (len(models), models[0]["name"], models[0]["cost"]) == (21, "gpt-4o", "50")
    assert (models[-1]["name"], models[-1]["folded"]) == ("(others)", 11)
    whole = Decimal(answer.json["totals"][0]["cost"])
    assert sum(Decimal(part["cost"]) for part in models) == whole
    assert sum(Decimal(part["cost"]) for part in answer.json["by_tag"]) == whole - 50
