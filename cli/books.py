"""`tollgate periods`, `reconcile`, `alerts`, `dead-letters` and `sessions`: the books and what goes on around them."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from cli.client import objects, required
from cli.durations import shown
from cli.errors import misused
from cli.session import Session


def list_periods(session: Session, args: Namespace) -> int:
    found = objects(session.client.get("periods"), "data")
    if args.json:
        session.terminal.show_json(found)
        return 0
    session.terminal.table(
        ("month", "fiscal", "state", "cost", "closed", "waits for"),
        [
            (item.get("month"), item.get("label"), item.get("state"), _cost(item), shown(item.get("closed_at")),
             "; ".join(map(str, item.get("blockers") or ())))
            for item in found
        ],
    )  # fmt: skip
    return 0


def show_period(session: Session, args: Namespace) -> int:
    found = session.client.get(f"periods/{args.month}")
    now = session.client.get(
        "costs", **{"from": found.get("start"), "to": found.get("end"), "grain": "total", "group_by": ""}
    )
    if args.json:
        session.terminal.show_json({**found, "now": now})
        return 0
    session.terminal.facts(
        {name: found.get(name) for name in ("month", "label", "state")} | {"closed": shown(found.get("closed_at"))}
    )
    for blocker in found.get("blockers") or ():
        session.terminal.show(f"waits for: {blocker}")
    sums = [(row.get("currency"), row.get("cost")) for row in objects(now, "rows")]
    if found.get("snapshot") is None:
        session.terminal.table(("currency", "so far"), sums)
        return 0
    session.terminal.table(
        ("currency", "closed with", "adjusted since", "now"), list(_since(found["snapshot"], dict(sums)))
    )
    if entries := objects(found, "adjustments"):
        session.terminal.show("")
        session.terminal.table(
            ("posted", "entry", "team", "amount", "currency", "reason"), [_adjustment(entry) for entry in entries]
        )
    if found.get("more_adjustments"):
        session.terminal.note("There are more adjustments; the sums count them all.")
    return 0


def close_period(session: Session, args: Namespace) -> int:
    question = f"Close {args.month} for good? What is late is an adjustment from now on."
    if not args.yes and session.terminal.confirms(question) is not True:
        raise misused("--yes", "is needed where nobody can be asked; nothing was changed")
    found = session.client.post(f"periods/{args.month}/close", {"accept_unpriced": args.accept_unpriced})
    if args.json:
        session.terminal.show_json(found)
    else:
        session.terminal.show(f"{found.get('month')} is {found.get('state')}.")
    return 0


def reconcile(session: Session, args: Namespace) -> int:
    """Prove a month, or hold it against an export of what Azure bills. Returns 1 where something stays wrong."""
    if args.azure_costs:
        return _azure_costs(session, args)
    found = session.client.post("reconciliation/run", {"month": args.month})
    findings = objects(found, "data")
    if args.json:
        session.terminal.show_json(found)
    else:
        session.terminal.table(
            ("team", "found", "events", "entries", "put right", "what was wrong"), [_finding(item) for item in findings]
        )
        if found.get("left"):
            session.terminal.note(
                f"{found['left']} more teams were not reached in time; the gateway goes on with them."
            )
    return 0 if all(item.get("is_clean") for item in findings) else 1


def alerts(session: Session, args: Namespace) -> int:
    if args.deliveries:
        return _listed(
            session, args, "deliveries", ("at", "channel", "state", "attempts", "last_status", "title"), times=("at",)
        )
    return _listed(session, args, "notices", ("at", "severity", "kind", "team", "title"), times=("at",))


def dead_letters(session: Session, args: Namespace) -> int:
    return _listed(session, args, "dead-letters", ("queue", "id", "at", "reason"), times=("at",))


def show_dead_letter(session: Session, args: Namespace) -> int:
    found = session.client.get(f"dead-letters/{args.queue}/{args.id}")
    if args.json:
        session.terminal.show_json(found)
    else:
        session.terminal.note(f"{shown(found.get('at'))}: {found.get('reason')}")
        session.terminal.show(required(found, "text"))
    return 0


def replay_dead_letter(session: Session, args: Namespace) -> int:
    body = {"body": _contents(session, args.file)} if args.file else {}
    session.client.send("POST", f"dead-letters/{args.queue}/{args.id}/replay", body)
    session.terminal.note(f"{args.id} went back to {args.queue}.")
    return 0


def discard_dead_letter(session: Session, args: Namespace) -> int:
    if not args.yes and session.terminal.confirms(f"Give {args.id} up for good?") is not True:
        raise misused("--yes", "is needed where nobody can be asked; nothing was changed")
    session.client.delete(f"dead-letters/{args.queue}/{args.id}")
    session.terminal.note(f"{args.id} is given up.")
    return 0


def sessions(session: Session, args: Namespace) -> int:
    return _listed(
        session,
        args,
        "sessions",
        ("start", "user", "label", "calls", "turns", "tool_calls", "cost", "agent"),
        times=("start",),
        team=args.team,
        user=args.user,
        **{"from": args.start, "to": args.end},
    )


def _listed(
    session: Session, args: Namespace, path: str, fields: Sequence[str], times: Sequence[str], **query: object
) -> int:
    found = list(session.client.pages(path, most=args.limit, **query))
    if args.json:
        session.terminal.show_json(found)
        return 0
    session.terminal.table(
        tuple(name.replace("_", " ") for name in fields),
        [tuple(shown(item.get(name)) if name in times else item.get(name) for name in fields) for item in found],
    )
    return 0


def _azure_costs(session: Session, args: Namespace) -> int:
    path = Path(args.azure_costs)
    try:
        with path.open("rb") as file:
            answer = session.client.upload("reconciliation/azure-costs", file, "text/csv")
    except OSError as error:
        raise misused("--azure-costs", f"cannot be read: {error.strerror}") from None
    months = [str(item.get("month")) for item in objects(answer, "data")]
    session.terminal.note(f"Taken in: {', '.join(months)}.")
    compared = [session.client.get(f"reconciliation/azure-costs/{month}") for month in months]
    if args.json:
        session.terminal.show_json(compared)
        return 0
    session.terminal.table(
        ("month", "deployment", "in azure", "azure", "ledger", "residual", "%", "currency", "may be because of"),
        [
            _residual(each, row)
            for each in compared
            for row in (
                *objects(each, "rows"),
                *({"deployment": "TOTAL", **total} for total in objects(each, "totals")),
            )
        ],
    )
    return 0


def _residual(comparison: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[object, ...]:
    causes = ", ".join(str(cause.get("reason")) for cause in row.get("causes") or ())
    place = " / ".join(str(row[name]) for name in ("account", "azure_name") if row.get(name)) or None
    plain = tuple(row.get(name) for name in ("azure", "ledger", "residual", "percent", "currency"))
    return (comparison.get("month"), row.get("deployment"), place, *plain, causes)


def _finding(item: Mapping[str, Any]) -> tuple[object, ...]:
    wrong = item.get("left") or item.get("differences") or ()
    state = "wrong" if not item.get("is_clean") else "put right" if item.get("differences") else "right"
    told = ", ".join(f"{each.get('problem')} ({each.get('count')})" for each in wrong)
    return (item.get("team"), state, item.get("events"), item.get("entries"), item.get("repaired"), told)


def _cost(item: Mapping[str, Any]) -> str | None:
    costs = (item.get("snapshot") or {}).get("cost") or {}
    return ", ".join(f"{cost} {currency}" for currency, cost in costs.items()) or None


def _since(snapshot: Mapping[str, Any], now: Mapping[Any, Any]) -> Iterator[tuple[object, ...]]:
    closed = snapshot.get("cost") or {}
    for currency in sorted({*closed, *now}):
        before, after = (Decimal(str(sums.get(currency) or 0)) for sums in (closed, now))
        yield currency, f"{before:f}", f"{after - before:f}", f"{after:f}"


def _adjustment(entry: Mapping[str, Any]) -> tuple[object, ...]:
    team = (entry.get("dimensions") or {}).get("team")
    told = tuple(entry.get(name) for name in ("cost", "currency", "reason"))
    return (shown(entry.get("posted_at")), entry.get("id"), team, *told)


def _contents(session: Session, path: str) -> str:
    try:
        raw = session.terminal.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        raise misused("-f", f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise misused("-f", "is not UTF-8") from None
