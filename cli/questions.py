"""The commands that only look: what applies, why, what is spent, who changed what, and who asks."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from cli.client import objects
from cli.durations import shown
from cli.errors import refused
from cli.session import Session

_CALL = ("key", "endpoint", "model", "prompt_bytes", "prompt_tokens", "max_output_tokens", "address")


def effective_policy(session: Session, args: Namespace) -> int:
    answer = session.client.get("effective-policy", key=args.key)
    if args.json:
        session.terminal.show_json(answer)
        return 0
    session.terminal.note(f"What applies to {args.key or 'you'}, of {answer.get('owner')}:")
    session.terminal.table(
        ("rule", "value", "level", "source", "mode", "in force"),
        _rows(objects(answer, "rules"), ("rule", "value", "level", "source", "mode", "in_force")),
    )
    return 0


def explain(session: Session, args: Namespace) -> int:
    """Return 1 where the call would be refused."""
    call = {name: value for name in _CALL if (value := getattr(args, name)) is not None}
    answer = session.client.post("explain", call, is_safe=True)
    is_allowed = answer.get("allowed") is True
    if args.json:
        session.terminal.show_json(answer)
        return 0 if is_allowed else 1
    code = f"{answer.get('status', '')} {answer.get('code', '')}".strip()
    session.terminal.show(
        f"allowed, answered by {answer.get('model', args.model)}" if is_allowed else f"refused: {code}"
    )
    session.terminal.table(
        ("rule", "outcome", "level", "source", "mode", "detail"),
        _rows(objects(answer, "reasons"), ("rule", "outcome", "level", "source", "mode", "detail")),
    )
    return 0 if is_allowed else 1


def budgets(session: Session, args: Namespace) -> int:
    found = [session.client.get(f"budgets/{args.id}")] if args.id else session.client.pages("budgets")
    statuses = [
        {"period": budget.get("period"), **session.client.get(f"budgets/{budget.get('id')}/status")} for budget in found
    ]
    if args.json:
        session.terminal.show_json(statuses)
        return 0
    session.terminal.table(
        ("budget", "scope", "period", "spent", "of", "%", "resets", "mode"),
        [_spent(status) for status in statuses],
    )
    return 0


def audit(session: Session, args: Namespace) -> int:
    if args.verify:
        return _verify(session, args)
    entries = list(session.client.pages("audit", most=args.limit, target=args.target))
    if args.json:
        session.terminal.show_json(entries)
        return 0
    session.terminal.table(
        ("seq", "at", "who", "action", "target"),
        [
            (entry.get("seq"), shown(entry.get("at")), _actor(entry), entry.get("action"), entry.get("target"))
            for entry in entries
        ],
    )
    return 0


def whoami(session: Session, args: Namespace) -> int:
    answer = session.client.get("me")
    if args.json:
        session.terminal.show_json(answer)
    else:
        session.terminal.facts(answer)
    return 0


def _verify(session: Session, args: Namespace) -> int:
    answer = session.client.get("audit/verify")
    is_whole = answer.get("ok") is True
    if args.json:
        session.terminal.show_json(answer)
    elif is_whole:
        session.terminal.show(f"The chain of {answer.get('entries')} entries is whole.")
    if not is_whole and answer.get("first_difference"):
        raise refused(f"{answer['first_difference']} is not as the log says: it was changed without an entry.")
    if not is_whole:
        raise refused(f"The chain is broken: entry {answer.get('first_broken')} is not what was written.")
    return 0


def _spent(status: Mapping[str, Any]) -> tuple[object, ...]:
    first = [status.get(name) for name in ("budget", "scope", "period", "spent", "amount", "percent")]
    return (*first, shown(status.get("period_end")), status.get("mode"))


def _actor(entry: Mapping[str, Any]) -> str:
    actor = entry.get("actor")
    return f"{actor.get('kind')} {actor.get('id')}" if isinstance(actor, dict) else "-"


def _rows(items: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(item.get(name) for name in fields) for item in items]
