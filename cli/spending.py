"""`tollgate costs`, `entries`, `adjust` and `rerate`: what was spent, what stands behind it, and corrections of it."""

import secrets
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cli.client import objects
from cli.durations import shown
from cli.session import Session

FILTERS = ("team", "application", "user", "key", "model", "cost_center", "project", "client", "tag")
UNPRICED = "no price yet"
PENDING = "not settled yet"


def costs(session: Session, args: Namespace) -> int:
    query = {**_chosen(args), "grain": args.grain, "group_by": ",".join(args.by)}
    answer = session.client.get("costs", **query)
    if args.json:
        session.terminal.show_json(answer)
        return 0
    starts = ("start",) if args.grain != "total" else ()
    rows = objects(answer, "rows")
    session.terminal.table(
        (*starts, *(name.replace("_", " ") for name in args.by), "cost", "currency", "calls", "unpriced"),
        [*(_cost(row, starts, args.by) for row in rows), *_totals(rows, len(starts) + len(args.by), args.by)],
    )
    _covered(session, answer)
    if "tag" not in args.by and (pending := sum(row.get("pending") or 0 for row in rows)) > 0:
        of = "1 call is" if pending == 1 else f"{pending} calls are"
        session.terminal.note(f"{of} {PENDING}: what they cost is not in these figures.")
    return 0


def entries(session: Session, args: Namespace) -> int:
    found = list(session.client.pages("entries", most=args.limit, **_chosen(args)))
    if args.json:
        session.terminal.show_json(found)
        return 0
    session.terminal.table(
        ("at", "entry", "type", "team", "model", "cost", "currency", "reason"), [_entry(entry) for entry in found]
    )
    return 0


def adjust(session: Session, args: Namespace) -> int:
    """Post a correction. The key makes sure that the same command, sent twice, posts once."""
    key = args.idempotency_key or f"cli-{secrets.token_hex(12)}"
    body = {"team": args.team, "at": args.at, "amount": args.amount, "reason": args.reason, "idempotency_key": key}
    body |= {name: value for name in ("application", "cost_center", "model") if (value := getattr(args, name))}
    if args.idempotency_key is None:
        session.terminal.note(f"To repeat this without posting twice: --idempotency-key {key}")
    entry = session.client.post("adjustments", body)
    if args.json:
        session.terminal.show_json(entry)
    else:
        session.terminal.show(f"{entry.get('id')}  {entry.get('cost')} {entry.get('currency')}")
    return 0


def rerate(session: Session, args: Namespace) -> int:
    body = {"from": args.start, "to": args.end} | ({"model": args.model} if args.model else {})
    answer = session.client.post("rerate", body)
    if args.json:
        session.terminal.show_json(answer)
    else:
        session.terminal.facts(answer)
    return 0


def _chosen(args: Namespace) -> dict[str, object]:
    return {"from": args.start, "to": args.end, **{name: getattr(args, name) for name in FILTERS}}


def _cost(row: Mapping[str, Any], starts: tuple[str, ...], by: list[str]) -> tuple[object, ...]:
    group = row.get("group") or {}
    cost = row.get("cost")
    figures = (UNPRICED if cost is None else cost, row.get("currency"), row.get("requests"), row.get("unpriced"))
    return (*(shown(row.get(name)) for name in starts), *(group.get(name) for name in by), *figures)


def _totals(rows: Sequence[Mapping[str, Any]], before: int, by: list[str]) -> Iterator[tuple[object, ...]]:
    """Yield the sum in each currency. A call with two tags is in two rows: what is grouped by tag has no sum."""
    if len(rows) < 2 or not before or "tag" in by:
        return
    for currency in dict.fromkeys(row.get("currency") for row in rows):
        of = [row for row in rows if row.get("currency") == currency]
        priced = [Decimal(str(cost)) for row in of if (cost := row.get("cost")) is not None]
        cost = f"{sum(priced):f}" if priced else UNPRICED
        calls, unpriced = (sum(row.get(name) or 0 for row in of) for name in ("requests", "unpriced"))
        yield "total", *[""] * (before - 1), cost, currency, calls, unpriced


def _entry(entry: Mapping[str, Any]) -> tuple[object, ...]:
    of, cost = entry.get("dimensions") or {}, entry.get("cost")
    goes_on = (entry.get("sums") or {}).get("pending", 0) > 0
    told = ((PENDING if goes_on else UNPRICED) if cost is None else cost, entry.get("currency"), entry.get("reason"))
    return (shown(entry.get("at")), entry.get("id"), of.get("type"), of.get("team"), of.get("model"), *told)


def _covered(session: Session, answer: Mapping[str, Any]) -> None:
    coverage = answer.get("coverage") or {}
    through = coverage.get("posted_through")
    posted = f"posted through {shown(through)}" if through else "nothing was posted yet"
    session.terminal.note(f"From {shown(answer.get('from'))} to {shown(answer.get('to'))}; {posted}.")
