"""Keeps sessions, the days that count them, achievements and settings as documents, in partitions by team."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import batched
from typing import Any, cast

from shared.documents import (
    Condition,
    Create,
    Delete,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Json,
    Operation,
    Upsert,
)
from shared.sessions.counting import day_prefix
from shared.sessions.model import CONTAINER, Achievement, Day, Label, Session, Verdict

BATCH, PAGE = 100, 500
SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class SessionPage:
    sessions: tuple[Session, ...]
    cursor: str | None


class SessionStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def replace_day(self, day: Day, sessions: Sequence[Session]) -> int:
        """Make these the sessions of a day, and return how many documents changed. The day itself is written last.

        Who is killed in between leaves the old day, which then says that there is something to do again.
        """
        partition, prefix = _partition(day.team), day_prefix(day.day)
        stored = {str(body["id"]): body async for body in self._between(partition, prefix, prefix + "~")}
        wanted = {session.id: _body_of(session) for session in sessions}
        operations: list[Operation] = [Upsert(body) for id, body in wanted.items() if stored.get(id) != body]
        operations += [Delete(id) for id in stored if id not in wanted]
        for some in batched(operations, BATCH, strict=False):
            await self._apply(partition, some)
        await self._documents.upsert(CONTAINER, partition, _day_body(day))
        return len(operations)

    async def day(self, team: str, day: date) -> Day | None:
        document = await self._documents.get(CONTAINER, _partition(team), _day_id(day))
        return _day_of(team, document.body) if document else None

    async def days(self, team: str, first: date, last: date) -> list[Day]:
        """Return the days of a team from the first to the last, both included."""
        found = self._between(_partition(team), _day_id(first), _day_id(last) + "~")
        return [_day_of(team, body) async for body in found]

    async def session(self, team: str, id: str) -> Session | None:
        if not id.startswith("ses_"):
            return None
        document = await self._documents.get(CONTAINER, _partition(team), id)
        return _session_of(document.body) if document else None

    async def page(
        self,
        team: str,
        first: date,
        last: date,
        *,
        user: str | None = None,
        label: Label | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> SessionPage:
        """Return sessions that began on the days from the first to the last, newest first."""
        where = [Condition("id", ">=", day_prefix(first)), Condition("id", "<", day_prefix(last) + "~")]
        where += [Condition("user", "=", user)] if user is not None else []
        where += [Condition("label", "=", label.value)] if label is not None else []
        found = await self._documents.query(
            CONTAINER, _partition(team), where, descending=True, limit=limit, cursor=cursor
        )
        return SessionPage(tuple(_session_of(document.body) for document in found.documents), found.cursor)

    async def award(self, team: str, achievement: Achievement) -> bool:
        """Store an achievement unless the person has it, and say whether it is new."""
        body = {
            "schema": 1,
            "id": f"badge_{achievement.badge}_{_digest(achievement.user)}",
            "kind": "achievement",
            "user": achievement.user,
            "badge": achievement.badge,
            "at": achievement.at.isoformat(),
        }
        try:
            await self._documents.create(CONTAINER, _partition(team), body)
        except DocumentExists:
            return False
        return True

    async def achievements(self, team: str, user: str | None = None) -> list[Achievement]:
        """Return what the people of a team, or one of them, have earned."""
        found = [
            Achievement(str(body["user"]), str(body["badge"]), datetime.fromisoformat(str(body["at"])))
            async for body in self._between(_partition(team), "badge_", "badge_~")
        ]
        return sorted((each for each in found if user in (None, each.user)), key=lambda each: (each.at, each.badge))

    async def set_opt_in(
        self, team: str, user: str | None, *, is_in: bool, actor: str, at: datetime, in_person: bool = False
    ) -> None:
        """Say whether a person, or a team (`user` None), wants to be on leaderboards."""
        body = {
            "schema": 1,
            "id": _choice_id(team, user),
            "user": user or "",
            "is_in": is_in,
            "actor": actor,
            "at": at.isoformat(),
            "in_person": in_person,
        }
        await self._documents.upsert(CONTAINER, SETTINGS, body)

    async def opted_in(self, team: str) -> frozenset[str] | None:
        """Return who of a team has opted in, or None where the team itself has not."""
        bodies = [body async for body in self._between(SETTINGS, f"{team}|", f"{team}|~") if body["is_in"]]
        users = frozenset(str(body["user"]) for body in bodies)
        return users - {""} if "" in users else None

    async def choice(self, team: str, user: str | None) -> bool:
        """Return what a person or a team has chosen; nobody has opted in who did not say so."""
        document = await self._documents.get(CONTAINER, SETTINGS, _choice_id(team, user))
        return bool(document and document.body["is_in"])

    async def was_said_in_person(self, team: str, user: str) -> bool:
        """Whether the person made the choice with a token of its own; choices of before this was noted were not."""
        document = await self._documents.get(CONTAINER, SETTINGS, _choice_id(team, user))
        return bool(document and document.body.get("in_person"))

    async def _apply(self, partition: str, operations: Iterable[Operation]) -> None:
        """Apply a batch; where another run of the same job was here meanwhile, what it left is settled one by one."""
        some = list(operations)
        try:
            await self._documents.batch(CONTAINER, partition, some)
        except DocumentMissing:
            for operation in some:
                if isinstance(operation, Delete):
                    await self._documents.delete(CONTAINER, partition, operation.id)
                elif isinstance(operation, Upsert | Create):
                    await self._documents.upsert(CONTAINER, partition, operation.document)

    async def _between(self, partition: str, low: str, high: str) -> AsyncIterator[Json]:
        where = [Condition("id", ">=", low), Condition("id", "<", high)]
        cursor: str | None = None
        while True:
            page = await self._documents.query(CONTAINER, partition, where, limit=PAGE, cursor=cursor)
            for document in page.documents:
                yield document.body
            if (cursor := page.cursor) is None:
                return


def _partition(team: str) -> str:
    """No name of a team holds a bar, so that none is the name of another partition."""
    return f"team|{team}"


def _day_id(day: date) -> str:
    return f"day_{day.isoformat()}"


def _choice_id(team: str, user: str | None) -> str:
    return f"{team}|" if user is None else f"{team}|{_digest(user)}"


def _digest(user: str) -> str:
    """Names of people hold characters that ids may not."""
    return sha256(user.encode("utf-8", "replace")).hexdigest()[:24]


def _body_of(session: Session) -> dict[str, object]:
    body = asdict(session)
    verdict = body.pop("verdict")
    return {
        "schema": 1,
        "kind": "session",
        **body,
        "day": session.day.isoformat(),
        "start": _text(session.start),
        "end": _text(session.end),
        "models": list(session.models),
        **verdict,
        "label": session.label.value,
    }


def _session_of(stored: Json) -> Session:
    body = dict(cast("dict[str, Any]", stored))
    for name in ("schema", "kind"):
        body.pop(name, None)
    verdict = Verdict(Label(body.pop("label")), body.pop("confidence"), body.pop("features"), body.pop("version"))
    start, end = (datetime.fromisoformat(body.pop(name)) for name in ("start", "end"))
    day, models = date.fromisoformat(body.pop("day")), tuple(body.pop("models"))
    return Session(**body, start=start, end=end, day=day, models=models, verdict=verdict)


def _day_body(day: Day) -> Json:
    return {
        "schema": 1,
        "id": _day_id(day.day),
        "kind": "day",
        "day": day.day.isoformat(),
        "people": {user: dict(counts) for user, counts in day.people.items()},
        "services": dict(day.services),
        "entries": day.entries,
        "at": _text(day.at) if day.at else None,
    }


def _day_of(team: str, stored: Json) -> Day:
    body = cast("dict[str, Any]", stored)
    at = datetime.fromisoformat(body["at"]) if body["at"] else None
    return Day(team, date.fromisoformat(body["day"]), body["people"], body["services"], body["entries"], at)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
