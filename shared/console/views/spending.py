"""What was spent: the month at a glance, any question about it, and the entries behind every figure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from shared.console.charts import Bar, bars
from shared.console.formats import money
from shared.console.visit import Shown, Visit
from shared.management.spending import GROUPS

GRAINS = ("total", "month", "day", "hour")
FILTERS = (
    "team",
    "application",
    "user",
    "key",
    "model",
    "cost_center",
    "project",
    "client",
    "deployment",
    "endpoint",
    "tag",
)
CHOICES = (*FILTERS, "area", "provider", "region", "tier", "capacity", "type")
"""What the form offers, the usual ones first."""

_PASSED_ON = frozenset({"from", "to", *GROUPS})
_LISTED = 50


async def overview(visit: Visit) -> Shown:
    span = _chosen(visit, ("from", "to", "team"))
    daily = await visit.get("costs", {**span, "grain": "day"})
    found = await visit.get("costs/summary", span)
    ahead = await visit.get("forecast", {"team": span.get("team")})
    months = _currencies(found["totals"])
    charts = [(currency, _by_day(daily, currency, visit.time_zone)) for currency in months]
    return Shown(
        "overview.html",
        {
            "span": span,
            "found": found,
            "forecast": ahead if _holds(found, ahead["month"], visit.time_zone) else None,
            "pending": _pending(found["totals"]),
            "charts": charts,
            "days": daily["rows"],
            "parts": [(name, found[f"by_{name}"]) for name in ("team", "model", "application", "tag")],
            "whole": _charged(found),
        },
    )


async def costs(visit: Visit) -> Shown:
    chosen = _chosen(visit, _PASSED_ON)
    grain = visit.query.get("grain") or "total"
    by = [name for place in (1, 2, 3) if (name := visit.query.get(f"by{place}"))]
    by = list(dict.fromkeys(by)) or ([] if "by1" in visit.query else ["team"])
    found = await visit.get("costs", {**chosen, "grain": grain, "group_by": ",".join(by)})
    return Shown(
        "costs.html",
        {
            "chosen": chosen,
            "grain": grain,
            "grains": GRAINS,
            "by": by,
            "found": found,
            "choices": CHOICES,
            "filters": FILTERS,
            "rows": [{**row, "entries": _behind(row, chosen)} for row in found["rows"]],
            "totals": _totals(found["rows"]) if "tag" not in by else (),
            "pending": _pending(found["rows"]) if "tag" not in by else 0,
        },
    )


async def entries(visit: Visit) -> Shown:
    chosen = _chosen(visit, _PASSED_ON)
    asked = {**chosen, "limit": _LISTED, "cursor": visit.query.get("cursor")}
    page = await visit.get("entries", asked)
    return Shown("entries.html", {"chosen": chosen, "filters": FILTERS, "page": page})


async def entry(visit: Visit) -> Shown:
    place = {name: visit.query.get(name) for name in ("team", "at")}
    return Shown("entry.html", {"entry": await visit.get(f"entries/{visit.path['entry']}", place)})


def _chosen(visit: Visit, names: Sequence[str] | frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in visit.query.items() if name in names and value}


def _currencies(totals: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(total["currency"] for total in totals))


def _charged(found: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what the bars of a currency are shares of: its total without the credits, beside which shares mean nothing."""
    charged: dict[str, str | None] = {}
    for total in found["totals"]:
        costs = [Decimal(part["cost"] or 0) for part in found["by_model"] if part["currency"] == total["currency"]]
        credits = sum((cost for cost in costs if cost < 0), Decimal(0))
        charged[total["currency"]] = None if total["cost"] is None else f"{Decimal(total['cost']) - credits:f}"
    return charged


def _holds(found: Mapping[str, Any], month: str, time_zone: str) -> bool:
    """Whether any of a month is shown: its end says nothing of other months."""
    zone = ZoneInfo(time_zone)
    first, last = _date(found["from"], zone), _date(found["to"], zone, ends=True)
    return f"{first:%Y-%m}" <= month <= f"{last:%Y-%m}"


def _pending(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return how many calls go on: of all rows, as what settles one may stand in another row than its call."""
    going_on: int = sum(row["pending"] for row in rows)
    return max(0, going_on)


def _behind(row: Mapping[str, Any], chosen: Mapping[str, str]) -> dict[str, str] | None:
    """Return what leads to the entries of a row; None where a value is missing, or stands for many: there is no filter for that."""
    if None in row["group"].values() or row.get("folded"):
        return None
    span = {"from": row["start"], "to": row["end"]} if "start" in row else {}
    return {**chosen, **row["group"], **span, "currency": row["currency"]}


def _totals(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the sum of the rows in each currency: exactly what stands above it."""
    totals: dict[str, dict[str, Any]] = {}
    for row in rows:
        total = totals.setdefault(row["currency"], {"cost": Decimal(0), "requests": 0, "unpriced": 0, "priced": False})
        total["requests"] += row["requests"]
        total["unpriced"] += row["unpriced"]
        if row["cost"] is not None:
            total["cost"] += Decimal(row["cost"])
            total["priced"] = True
    return [
        {"currency": currency, **total, "cost": str(total["cost"]) if total["priced"] else None}
        for currency, total in totals.items()
    ]


def _by_day(daily: Mapping[str, Any], currency: str, time_zone: str) -> Any:
    """Draw every day of the stretch, also those without anything."""
    zone = ZoneInfo(time_zone)
    known = {_date(row["start"], zone): row for row in daily["rows"] if row["currency"] == currency}
    first, end = _date(daily["from"], zone), _date(daily["to"], zone, ends=True)
    days = [first + timedelta(days=number) for number in range(min((end - first).days + 1, 400))]
    items = [_bar(day, known.get(day), currency) for day in days]
    return bars(items, f"Cost by day in {currency}")


def _bar(day: date, row: Mapping[str, Any] | None, currency: str) -> Bar:
    if row is None:
        return Bar(f"{day:%d %b}", Decimal(0), f"{day}: nothing")
    cost = row["cost"]
    more = f", {row['unpriced']} calls without a price" if row["unpriced"] and cost is not None else ""
    return Bar(f"{day:%d %b}", None if cost is None else Decimal(cost), f"{day}: {money(cost)} {currency}{more}")


def _date(text: str, zone: ZoneInfo, *, ends: bool = False) -> date:
    """Return the day that a moment lies in, or that ends with it."""
    moment = datetime.fromisoformat(text) - (timedelta.resolution if ends else timedelta())
    return moment.astimezone(zone).date()
