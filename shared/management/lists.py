"""The lists of resources, of audit entries and of alerts: each caller's own part of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.audit.store import Entry
from shared.budgets.model import Alert
from shared.directory.documents import Stored
from shared.directory.model import Key, Kind, Resource, Role, team_of
from shared.management.call import Answer, Call, Handler
from shared.management.paging import Cursors, page_of
from shared.management.view import Found, money, team_around, visible

_NOBODY = "/"
"""A team that cannot be: what a caller asks for beyond the own team is an empty list, whether or not it exists."""


def resources(kind: Kind) -> Handler:
    async def handler(call: Call) -> Answer:
        team = await _team(call)
        scope = getattr(call.query, "owner", None) or getattr(call.query, "scope", None)
        store = call.parts.store

        async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Stored], str | None]:
            return await store.page(kind, team=team, scope=scope, limit=limit, cursor=cursor)

        async def show(item: Found | Stored) -> Mapping[str, Any]:
            if isinstance(item, Stored):
                item = Found(item.resource, None, item)
            return item.shown()

        first = [
            Found(resource, team, is_declared=True)
            for resource in call.parts.file.all(kind)
            if scope in (None, _hangs_on(resource))
            and (team is None or await team_around(call.parts, resource) == team)
        ]
        cursors = _cursors(call, kind, team, scope)
        return await page_of(cursors, call.query.cursor, call.query.limit, first, fetch, show)

    return handler


async def audit(call: Call) -> Answer:
    target: str | None = call.query.target

    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Entry], str | None]:
        return await call.parts.audit.page(limit, cursor, target)

    team = call.caller.team if call.caller.role is Role.TEAM_ADMIN else None
    keys: dict[str, str | None] = {}

    async def show(entry: Entry) -> Mapping[str, Any] | None:
        if team is not None and await _teams_of(call, entry, keys) != {team}:
            return None
        return _entry(entry)

    cursors = _cursors(call, "audit", team, target)
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


async def verify_audit(call: Call) -> Answer:
    found = await call.parts.audit.verify()
    return Answer({"ok": found.ok, "entries": found.entries, "first_broken": found.first_broken})


async def alerts(call: Call) -> Answer:
    team = call.caller.team if call.caller.role is Role.TEAM_ADMIN else None

    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Alert], str | None]:
        return await call.parts.alerts.page(team=team, limit=limit, cursor=cursor)

    cursors = _cursors(call, "alerts", team, None)
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, _alert)


async def _team(call: Call) -> str | None:
    """Return the team whose resources are listed, None for all. Raises Absent for a team in the address that cannot be seen."""
    asked = getattr(call.query, "team", None)
    if "team" in call.path:
        asked = call.path["team"]
        await visible(call.parts, call.authority, f"teams/{asked}")
    if call.caller.role is not Role.TEAM_ADMIN:
        return asked
    own = call.caller.team
    return own if asked in (None, own) else _NOBODY


def _hangs_on(resource: Resource) -> str:
    return resource.owner if isinstance(resource, Key) else resource.scope


def _cursors(call: Call, what: str, team: str | None, filter_: str | None) -> Cursors:
    return Cursors(call.parts.pepper, f"{what} {team} {filter_}")


async def _teams_of(call: Call, entry: Entry, keys: dict[str, str | None]) -> set[str | None]:
    """Return the teams that an entry tells of; None for what is above teams, and for what hung on a key that is gone."""
    scopes = {_scope_in(entry.target, state) for state in (entry.before, entry.after) if state is not None}
    for scope in scopes:
        if scope.startswith("keys/") and scope not in keys:
            key = call.parts.file.get(scope)
            if key is None and (stored := await call.parts.store.get(scope)):
                key = stored.resource
            keys[scope] = team_of(key.owner) if isinstance(key, Key) else None
    return {keys[scope] if scope in keys else team_of(scope) for scope in scopes}


def _scope_in(target: str, state: Mapping[str, object]) -> str:
    return str(state.get("owner") or state.get("scope") or target)


def _entry(entry: Entry) -> Mapping[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "actor": {"id": entry.actor.id, "kind": entry.actor.kind},
        "action": entry.action,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
        "seal": entry.seal,
    }


async def _alert(alert: Alert) -> Mapping[str, Any]:
    return {
        "id": alert.id,
        "at": alert.at.isoformat(),
        "budget": alert.budget,
        "scope": alert.scope,
        "team": alert.team,
        "mode": alert.mode.value,
        "percent": alert.percent,
        "action": alert.action,
        "amount": money(alert.amount),
        "spent": money(alert.spent),
        "period_start": alert.window.start.isoformat(),
        "period_end": alert.window.end.isoformat(),
    }
