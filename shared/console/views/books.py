"""The books: months that are closed, and the proof that everything in them is right."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.console.visit import Moved, Shown, Visit
from shared.management.problems import Absent
from shared.reconciliation.model import BooksRecounted


async def periods(visit: Visit) -> Shown:
    return Shown("periods.html", {"periods": (await visit.get("periods"))["data"]})


async def period(visit: Visit) -> Shown:
    found = await visit.get(f"periods/{visit.path['period']}")
    try:
        sums = await _sums(visit, found) if found["snapshot"] else []
    except BooksRecounted:
        # What the month was closed with stands all the same; above it the page says what is the matter.
        sums = []
    context = {"period": found, "sums": sums}
    return Shown("period.html", context, refresh_s=20 if found["state"] == "closing" else None)


async def _sums(visit: Visit, period: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return by currency what the month was closed at, what was adjusted since, and what it comes to now."""
    span = {"from": period["start"], "to": period["end"], "grain": "total", "group_by": ""}
    now = {row["currency"]: Decimal(row["cost"] or 0) for row in (await visit.get("costs", span))["rows"]}
    closed = {currency: Decimal(cost) for currency, cost in period["snapshot"]["cost"].items()}
    sums = []
    for currency in sorted({*closed, *now}):
        before, after = closed.get(currency, Decimal(0)), now.get(currency, Decimal(0))
        told = {"closed": before, "since": after - before, "now": after}
        sums.append({"currency": currency, **{name: f"{amount:f}" for name, amount in told.items()}})
    return sums


async def close(visit: Visit) -> Moved:
    month = visit.path["period"]
    await visit.post(f"periods/{month}/close", {"accept_unpriced": visit.form.get("accept_unpriced") == "yes"})
    return Moved(f"/console/periods/{month}", "closing")


async def reconciliation(visit: Visit) -> Shown:
    month = visit.query.get("month", "")
    found = (await visit.get("reconciliation", {"month": month}))["data"]
    return Shown(
        "reconciliation.html",
        {"month": month, "findings": found, "comparison": await _comparison(visit, month)},
    )


async def prove(visit: Visit) -> Moved:
    month = visit.form.get("month", "")
    await visit.post("reconciliation/run", {"month": month})
    return Moved(f"/console/reconciliation?month={month}", "proved")


async def _comparison(visit: Visit, month: str) -> Any:
    """Return what Azure bills against the ledger; None where no export was imported."""
    if not month:
        return None
    try:
        return await visit.get(f"reconciliation/azure-costs/{month}")
    except Absent:
        return None
