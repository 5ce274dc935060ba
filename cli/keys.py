"""`tollgate keys …`: mint, list, show, rotate, disable, enable, delete."""

from argparse import Namespace
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cli.client import required
from cli.durations import expiry, shown
from cli.errors import misused
from cli.session import Session

_LISTS = ("models", "endpoints", "cidrs")
_TEXTS = ("name", "role", "cost_center", "client", "project")


def mint(session: Session, args: Namespace) -> int:
    body: dict[str, object] = {"owner": _owner(args)}
    body |= {name: value for name in (*_LISTS, *_TEXTS) if (value := getattr(args, name))}
    if args.expires:
        try:
            body["expires_at"] = expiry(args.expires, session.now()).isoformat()
        except ValueError as error:
            raise misused("--expires", str(error)) from None
    return _show_secret(session, args, session.client.post("keys", body), "for")


def rotate(session: Session, args: Namespace) -> int:
    body = {} if args.grace is None else {"grace_s": int(args.grace.total_seconds())}
    return _show_secret(session, args, session.client.post(f"keys/{args.id}/rotate", body), "of")


def list_keys(session: Session, args: Namespace) -> int:
    keys = list(session.client.pages("keys", team=args.team))
    if args.json:
        session.terminal.show_json(keys)
        return 0
    session.terminal.table(
        ("id", "owner", "name", "role", "secret", "used", "expires", "state"),
        [_row(key, session.now()) for key in keys],
    )
    return 0


def show(session: Session, args: Namespace) -> int:
    return _show(session, args, session.client.get(f"keys/{args.id}"))


def disable(session: Session, args: Namespace) -> int:
    return _show(session, args, session.client.post(f"keys/{args.id}/disable"))


def enable(session: Session, args: Namespace) -> int:
    return _show(session, args, session.client.post(f"keys/{args.id}/enable"))


def delete(session: Session, args: Namespace) -> int:
    session.client.delete(f"keys/{args.id}")
    session.terminal.note(f"keys/{args.id} is deleted.")
    return 0


def _owner(args: Namespace) -> str:
    below = f"/applications/{args.application}" if args.application else f"/users/{args.user}" if args.user else ""
    return f"teams/{args.team}{below}"


def _show(session: Session, args: Namespace, key: Mapping[str, Any]) -> int:
    if args.json:
        session.terminal.show_json(key)
    else:
        session.terminal.facts({**key, "state": _state(key, session.now())})
    return 0


def _show_secret(session: Session, args: Namespace, key: Mapping[str, Any], word: str) -> int:
    """The secret alone goes to stdout, so that it can be piped to where it is kept."""
    secret = required(key, "secret")
    if args.json:
        session.terminal.show_json(key)
    else:
        session.terminal.show(secret)
    if not args.quiet:
        session.terminal.note(
            f"This is the secret of {key.get('id')} {word} {key.get('owner')}. It is not shown again."
        )
    return 0


def _row(key: Mapping[str, Any], now: datetime) -> tuple[object, ...]:
    plain = [key.get(name) for name in ("id", "owner", "name", "role")]
    used, expires = shown(key.get("last_used_at")), shown(key.get("expires_at"))
    return (*plain, _beginning(key), used, expires, _state(key, now))


def _beginning(key: Mapping[str, Any]) -> str | None:
    hint = key.get("hint")
    return f"{hint}…" if hint else None


def _state(key: Mapping[str, Any], now: datetime) -> str:
    if key.get("disabled"):
        return "disabled"
    try:
        return "expired" if datetime.fromisoformat(str(key["expires_at"])) <= now else "active"
    except (KeyError, ValueError, TypeError):
        return "active"
