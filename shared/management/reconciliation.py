"""Whether the books are right: entries against sums and events, and the whole against what the cloud's own bill says."""

import re
from datetime import date
from typing import Any

from pydantic import AwareDatetime

from shared.fields import Strict
from shared.management.call import Answer, Call
from shared.management.figures import money
from shared.management.kinds import Month
from shared.management.ledger import books_of
from shared.management.problems import Absent
from shared.management.spending_answers import Amounts, Money
from shared.reconciliation.azure_comparison import Cause, Row, Total
from shared.reconciliation.azure_costs import AzureImport
from shared.reconciliation.model import Difference, Finding

RUN_S = 120.0
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class ReconcileRequest(Strict):
    """A UTC month, by which the ledger is divided."""

    month: Month


class DifferenceAnswer(Strict):
    """One kind of problem: how often, and the ids of the first few."""

    problem: str
    count: int
    examples: tuple[str, ...]


class FindingAnswer(Strict):
    """What a partition was found to be: `differences` are what was wrong, `left` what could not be repaired."""

    team: str
    month: str
    at: AwareDatetime
    is_clean: bool
    is_busy: bool
    events: int
    archived: int
    entries: int
    cells: int
    repaired: int
    differences: tuple[DifferenceAnswer, ...]
    left: tuple[DifferenceAnswer, ...]


class FindingList(Strict):
    data: tuple[FindingAnswer, ...]


class Reconciled(FindingList):
    """`left` partitions were not looked at for want of time; the timer goes on with them."""

    left: int


class MonthChoice(Strict):
    """A UTC month; without it the current one."""

    month: Month | None = None


class ImportAnswer(Strict):
    """What an export of actual costs says of one UTC month; it counts in place of earlier ones."""

    id: str
    month: str
    at: AwareDatetime
    by: str
    lines: int
    first: date
    last: date
    cost: Amounts


class ImportList(Strict):
    data: tuple[ImportAnswer, ...]


class CauseAnswer(Strict):
    """A reason that there may be a residual, and how much speaks for it: requests, tokens, or money as `unit` says."""

    reason: str
    amount: str | None
    unit: str | None


class ResidualAnswer(Strict):
    """A deployment's month: what the cloud bills, what the ledger says, and the difference, in percent of the bill."""

    deployment: str | None
    azure_name: str | None
    account: str | None
    currency: str
    azure: Money
    ledger: Money
    residual: Money | None
    percent: str | None
    causes: tuple[CauseAnswer, ...]


class TotalAnswer(Strict):
    """What all rows of a currency come to: `ledger` is all of the ledger's use. `residual` is null where a row has none."""

    currency: str
    azure: Money
    ledger: Money
    residual: Money | None


class CostComparison(Strict):
    month: str
    export: ImportAnswer
    rows: tuple[ResidualAnswer, ...]
    totals: tuple[TotalAnswer, ...]


async def results(call: Call) -> Answer:
    month = call.query.month or f"{call.parts.clock.now():%Y-%m}"
    return Answer({"data": [_finding(found) async for found in books_of(call).proving.findings.of(month)]})


async def run(call: Call) -> Answer:
    """Prove every partition of a month, one after the other, for as long as an answer may take."""
    books, month, clock = books_of(call), call.body.month, call.parts.clock
    await call.parts.store.note(call.actor, "reconciliation.run", f"reconciliation/{month}", call.request_id)
    deadline = clock.monotonic() + RUN_S
    volumes = await books.ledger.partitions(month)
    found = []
    for volume in volumes:
        if clock.monotonic() >= deadline:
            break
        found.append(_finding(await books.proving.reconcile(volume, month)))
    return Answer({"data": found, "left": len(volumes) - len(found)})


async def take_costs(call: Call) -> Answer:
    await call.parts.store.note(call.actor, "reconciliation.import", "reconciliation/azure-costs", call.request_id)
    taken = await books_of(call).proving.costs.take(call.body, call.caller.id)
    return Answer({"data": [_import(each) for each in taken]})


async def compare(call: Call) -> Answer:
    month = call.path["month"]
    found = await books_of(call).proving.costs.compare(month) if _MONTH.fullmatch(month) else None
    if found is None:
        raise Absent(f"There are no costs of {month}: import an export of them first.")
    rows = [_residual(row) for row in found.rows]
    totals = [_total(total) for total in found.totals]
    return Answer({"month": found.month, "export": _import(found.export), "rows": rows, "totals": totals})


def _import(found: AzureImport) -> dict[str, Any]:
    return {
        "id": found.id,
        "month": found.month,
        "at": found.at.isoformat(),
        "by": found.by,
        "lines": found.lines,
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "cost": {currency: money(nanos) for currency, nanos in found.cost.items()},
    }


def _residual(row: Row) -> dict[str, Any]:
    return {
        "deployment": row.deployment,
        "azure_name": row.azure_name,
        "account": row.account,
        "currency": row.currency,
        "azure": money(row.azure),
        "ledger": money(row.ledger),
        "residual": None if row.residual is None else money(row.residual),
        "percent": None if row.percent is None else str(row.percent),
        "causes": [_cause(cause) for cause in row.causes],
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "azure": money(total.azure),
        "ledger": money(total.ledger),
        "residual": None if total.residual is None else money(total.residual),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    is_money = cause.unit == "nano"
    size = None if cause.amount is None else money(cause.amount) if is_money else str(cause.amount)
    return {"reason": cause.reason.value, "amount": size, "unit": "money" if is_money else cause.unit}


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "team": found.team,
        "month": found.month,
        "at": found.at.isoformat(),
        "is_clean": found.is_clean,
        "is_busy": found.is_busy,
        "events": found.events,
        "archived": found.archived,
        "entries": found.entries,
        "cells": found.cells,
        "repaired": found.repaired,
        "differences": [_difference(each) for each in found.differences],
        "left": [_difference(each) for each in found.left],
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {"problem": each.problem.value, "count": each.count, "examples": list(each.examples)}
