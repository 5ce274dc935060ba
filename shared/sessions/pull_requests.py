"""Pull requests as the forge's webhook tells of them, and what the work on each has cost.

The signature is GitHub's `X-Hub-Signature-256`: HMAC-SHA256 of the body, in hexadecimal, after `sha256=`
(https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).
"""

import hmac
import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol, cast

from shared.clock import Clock
from shared.documents import (
    Condition,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Json,
    PreconditionFailed,
)
from shared.fields import REPOSITORY
from shared.ledger.model import Cell, Grain, View
from shared.sessions.model import CONTAINER
from shared.windows import Window

PULL_REQUESTS, DELIVERIES = "pull-requests", "deliveries"
REMEMBERED_S = 30 * 24 * 3600
"""For how long a delivery is known again; older ones do no harm, as they do not change what is newer."""

LONGEST = 250
MOST_NUMBER = 10**10
_REPOSITORY = re.compile(REPOSITORY)
_ATTEMPTS = 5


class DeliveryInvalid(ValueError):
    """A delivery that is no pull request as GitHub describes it."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """`id` is `owner/repository#number` in lower case, as the tag says it. `updated_at` orders what is told of it."""

    id: str
    repository: str
    number: int
    branch: str
    commit: str
    author: str
    opened_at: datetime
    updated_at: datetime
    merged_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def tags(self) -> tuple[str, str]:
        """The tags that its work goes under: its own, and its branch's from before it was opened."""
        return f"pr={self.id}", f"branch={self.repository}@{self.branch}"


@dataclass(frozen=True, slots=True)
class WorkCost:
    """What a pull request has cost: nano-units, requests, and the teams that paid."""

    pull_request: PullRequest
    cost: int
    requests: int
    teams: tuple[str, ...]


class Cells(Protocol):
    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        """Return the cells that begin in a window."""


class PullRequests:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents, self._clock = documents, clock

    async def accept(self, delivery: str, event: Mapping[str, object]) -> bool:
        """Note what a verified delivery tells, and say whether it was new. Raises DeliveryInvalid.

        The delivery is noted last: one that is lost in between is taken again and changes nothing twice.
        """
        told = _told(event)
        id = sha256(delivery.encode("utf-8", "replace")).hexdigest()[:32]
        if await self._documents.get(CONTAINER, DELIVERIES, id) is not None:
            return False
        await self._note(told)
        try:
            await self._documents.create(
                CONTAINER, DELIVERIES, {"schema": 1, "id": id, "at": self._clock.now().isoformat()}, REMEMBERED_S
            )
        except DocumentExists:
            return False
        return True

    async def find(self, id: str) -> PullRequest | None:
        document = await self._documents.get(CONTAINER, PULL_REQUESTS, _key(id.lower()))
        return _pull_request_of(document.body) if document else None

    async def merged(self, window: Window) -> list[PullRequest]:
        """Return the pull requests that were merged in a window, the earliest first."""
        where = [Condition("merged_at", ">=", _text(window.start)), Condition("merged_at", "<", _text(window.end))]
        found: list[PullRequest] = []
        cursor: str | None = None
        while True:
            page = await self._documents.query(
                CONTAINER, PULL_REQUESTS, where, order_by="merged_at", limit=100, cursor=cursor
            )
            found += [_pull_request_of(document.body) for document in page.documents]
            if (cursor := page.cursor) is None:
                return found

    async def _note(self, told: PullRequest) -> None:
        """Keep the newest that was told, in whatever order it comes."""
        for _ in range(_ATTEMPTS):
            stored = await self._documents.get(CONTAINER, PULL_REQUESTS, _key(told.id))
            if stored is not None and _pull_request_of(stored.body).updated_at > told.updated_at:
                return
            try:
                await self._write(told, stored)
            except (DocumentExists, DocumentMissing, PreconditionFailed):
                continue
            return

    async def _write(self, told: PullRequest, stored: Document | None) -> None:
        if stored is None:
            await self._documents.create(CONTAINER, PULL_REQUESTS, _body_of(told))
        else:
            await self._documents.replace(CONTAINER, PULL_REQUESTS, _body_of(told), stored.etag)


def is_signed(body: bytes, signature: str, secret: bytes) -> bool:
    """Whether the signature is that of the body. Takes the same time wherever it differs."""
    expected = "sha256=" + hmac.new(secret, body, sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


async def costs_of(
    pull_requests: Collection[PullRequest], cells: Cells, window: Window, teams: Collection[str] | None = None
) -> list[WorkCost]:
    """Return what each has cost in a window, by the tags of the calls: some teams' share alone, or everybody's.

    A branch name that is used again counts until the pull request was closed.
    """
    owners = {tag: each for each in pull_requests for tag in each.tags}
    found = {each.id: WorkCost(each, 0, 0, ()) for each in pull_requests}
    async for cell in cells.cells(View.TAG, Grain.DAY, window, teams):
        owner = owners.get(cell.key.tag or "")
        if owner is None or (owner.closed_at is not None and cell.key.start >= owner.closed_at and _is_branch(cell)):
            continue
        before, team = found[owner.id], cell.key.dimensions.team
        found[owner.id] = replace(
            before,
            cost=before.cost + cell.cost,
            requests=before.requests + cell.sums.get("requests", 0),
            teams=tuple(sorted({*before.teams, team})),
        )
    return list(found.values())


def per_merge(costs: Collection[WorkCost]) -> int | None:
    """Return the cost of a merged pull request on average, in nano-units rounded down; None where none was merged."""
    merged = [each for each in costs if each.pull_request.merged_at is not None]
    return sum(each.cost for each in merged) // len(merged) if merged else None


def _is_branch(cell: Cell) -> bool:
    return (cell.key.tag or "").startswith("branch=")


def _told(event: Mapping[str, object]) -> PullRequest:
    """Read GitHub's `pull_request` event, of which all but a few fields are left alone."""
    try:
        told = cast("dict[str, Any]", event)
        about, repository = told["pull_request"], str(told["repository"]["full_name"]).lower()
        number = _number(about["number"])
        pull_request = PullRequest(
            id=f"{repository}#{number}",
            repository=repository,
            number=number,
            branch=str(about["head"]["ref"])[:LONGEST],
            commit=str(about["head"]["sha"])[:64],
            author=str(about["user"]["login"])[:100],
            opened_at=_moment(about["created_at"]),
            updated_at=_moment(about["updated_at"]),
            merged_at=_moment(about["merged_at"]) if about.get("merged_at") else None,
            closed_at=_moment(about["closed_at"]) if about.get("closed_at") else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DeliveryInvalid("the delivery is not an event of a pull request") from error
    if not _REPOSITORY.fullmatch(repository):
        raise DeliveryInvalid("the delivery names no repository that there can be")
    return pull_request


def _number(value: object) -> int:
    if not isinstance(value, int) or not 0 < value <= MOST_NUMBER:
        raise ValueError("a number that no pull request has")
    return value


def _moment(text: object) -> datetime:
    """Raises ValueError, and OverflowError for the first and the last moments that there are."""
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC)


def _key(id: str) -> str:
    """Ids of documents take neither slash nor hash."""
    return id.replace("/", "|").replace("#", "|")


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _body_of(told: PullRequest) -> Json:
    return {
        "schema": 1,
        "id": _key(told.id),
        "repository": told.repository,
        "number": told.number,
        "branch": told.branch,
        "commit": told.commit,
        "author": told.author,
        "opened_at": _text(told.opened_at),
        "updated_at": _text(told.updated_at),
        "merged_at": _text(told.merged_at) if told.merged_at else None,
        "closed_at": _text(told.closed_at) if told.closed_at else None,
    }


def _pull_request_of(body: Json) -> PullRequest:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(str(body[name])) if body[name] else None

    opened_at, updated_at = moment("opened_at"), moment("updated_at")
    assert opened_at is not None
    assert updated_at is not None
    return PullRequest(
        id=f"{body['repository']}#{body['number']}",
        repository=str(body["repository"]),
        number=int(str(body["number"])),
        branch=str(body["branch"]),
        commit=str(body["commit"]),
        author=str(body["author"]),
        opened_at=opened_at,
        updated_at=updated_at,
        merged_at=moment("merged_at"),
        closed_at=moment("closed_at"),
    )
