"""The lists of resources, of audit entries and of alerts: each caller's own part of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shared.audit.store import Entry
from shared.budgets.model import Alert
from shared.directory.documents import Stored
from shared.directory.model import Key, Kind, Resource, Role
from shared.management.authority import is_above_teams
from shared.management.call import Answer, Call, Handler
from shared.management.paging import Cursors, page_of
from shared.management.view import Found, shown, team_around, visible
from shared.money import text_of

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
            return await shown(call.parts, item)

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
    target, team = call.query.target, _own_team(call)

    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Entry], str | None]:
        return await call.parts.audit.page(limit, cursor, target, team)

    async def show(entry: Entry) -> Mapping[str, Any]:
        # The number tells how much others have changed in between.
        return _entry(entry) | ({"seq": entry.seq} if team is None else {})

    cursors = _cursors(call, "audit", team, target)
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


async def verify_audit(call: Call) -> Answer:
    found = await call.parts.audit.verify()
    return Answer(asdict(found))


async def alerts(call: Call) -> Answer:
    team = _own_team(call)

    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Alert], str | None]:
        return await call.parts.alerts.page(team=team, limit=limit, cursor=cursor)

    async def show(alert: Alert) -> Mapping[str, Any] | None:
        # Whatever team an alert was stored for: what hangs above the teams is not told to them.
        return None if team is not None and is_above_teams(alert.scope) else _alert(alert)

    cursors = _cursors(call, "alerts", team, None)
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


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


def _own_team(call: Call) -> str | None:
    """Return the team that alone is told of; None for all."""
    return call.caller.team if call.caller.role is Role.TEAM_ADMIN else None


def _hangs_on(resource: Resource) -> str:
    return resource.owner if isinstance(resource, Key) else resource.scope


def _cursors(call: Call, what: str, team: str | None, filter_: str | None) -> Cursors:
    return Cursors(call.parts.pepper, f"{what} {team} {filter_}")


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "actor": {"id": entry.actor.id, "kind": entry.actor.kind},
        "action": entry.action,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
        "seal": entry.seal,
    }


def _alert(alert: Alert) -> Mapping[str, Any]:
    return {
        "id": alert.id,
        "at": alert.at.isoformat(),
        "budget": alert.budget,
        "scope": alert.scope,
        "team": None if is_above_teams(alert.scope) else alert.team,
        "mode": alert.mode.value,
        "percent": alert.percent,
        "action": alert.action,
        "amount": text_of(alert.amount),
        "spent": text_of(alert.spent),
        "period_start": alert.window.start.isoformat(),
        "period_end": alert.window.end.isoformat(),
    }
