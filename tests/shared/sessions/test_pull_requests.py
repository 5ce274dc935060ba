"""What the forge tells of pull requests, in whatever order and however often, and what their work costs."""

import hmac
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from shared.documents import StoreUnavailable
from shared.ledger.model import Cell, CellKey, Dimensions, Grain, View
from shared.sessions.pull_requests import DeliveryInvalid, PullRequests, costs_of, is_signed, per_merge
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.sessions.traces import NOON
from tests.shared.watched_documents import Dying, port

WEEK = Window("week", NOON - timedelta(days=3), NOON + timedelta(days=4))


def told(hour: int, number: int = 12, *, merged: bool = False, branch: str = "faster") -> dict[str, Any]:
    at = f"2026-11-18T{hour:02}:00:00Z"
    return {
        "action": "closed" if merged else "synchronize",
        "repository": {"full_name": "Acme/API"},
        "pull_request": {
            "number": number, "head": {"ref": branch, "sha": "a" * 40}, "user": {"login": "ana"}, "created_at": "2026-11-17T09:00:00Z",
            "updated_at": at, "merged_at": at if merged else None, "closed_at": at if merged else None,
        },
    }  # fmt: skip


def _service(documents: MemoryDocuments) -> PullRequests:
    return PullRequests(documents, FakeClock(NOON))


def test_a_signature_is_that_of_the_body_and_the_secret() -> None:
    signature = "sha256=" + hmac.new(b"secret", b"body", sha256).hexdigest()
    assert is_signed(b"body", signature, b"secret")
    assert not is_signed(b"body!", signature, b"secret")
    assert not is_signed(b"body", signature, b"other")
    assert not is_signed(b"body", signature.removeprefix("sha256="), b"secret")
    assert not is_signed(b"body", "sha256=\u00e9", b"secret")


def test_githubs_own_example_is_accepted() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed(b"Hello, World!", signature, b"It's a Secret to Everybody")


async def test_a_delivery_is_taken_once() -> None:
    service = _service(MemoryDocuments())
    assert await service.accept("d1", told(9))
    assert not await service.accept("d1", told(9))


async def test_the_newest_stays_in_whatever_order_it_comes() -> None:
    service = _service(MemoryDocuments())
    await service.accept("d2", told(11, merged=True))
    await service.accept("d1", told(9))
    (found,) = await service.merged(WEEK)
    assert (found.id, found.branch, found.author) == ("acme/api#12", "faster", "ana")


async def test_an_old_delivery_that_is_played_again_changes_nothing() -> None:
    """Even after its id has been forgotten."""
    clock = FakeClock(NOON)
    service = PullRequests(MemoryDocuments(clock), clock)
    await service.accept("d1", told(9))
    await service.accept("d2", told(11, merged=True))
    clock.advance(40 * 24 * 3600)
    await service.accept("d1", told(9))
    found = await service.find("Acme/api#12")
    assert found is not None
    assert found.merged_at is not None


@pytest.mark.parametrize(
    "event", [{}, {"pull_request": []}, {**told(9), "repository": {"full_name": None, "x": 1}, "pull_request": None}]
)
async def test_what_is_no_pull_request_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(DeliveryInvalid):
        await _service(MemoryDocuments()).accept("d1", event)


@pytest.mark.parametrize("number", [0, -1, 10**10 + 1, 10**400, 1.5, "12", "1" * 5000, None])
async def test_a_number_that_no_pull_request_has_is_refused(number: object) -> None:
    event = told(9)
    event["pull_request"]["number"] = number
    with pytest.raises(DeliveryInvalid):
        await _service(MemoryDocuments()).accept("d1", event)


@pytest.mark.parametrize(
    "name",
    ["api", "acme/", "/api", "acme/a/b", "acme/a b", "acme/api#1", "acme/api@x", "-a/b", "a" * 40 + "/b", "a/\n"],
)
async def test_a_repository_that_no_tag_can_name_is_refused(name: str) -> None:
    with pytest.raises(DeliveryInvalid, match="no repository"):
        await _service(MemoryDocuments()).accept("d1", {**told(9), "repository": {"full_name": name}})


@pytest.mark.parametrize("name", ["created_at", "updated_at", "merged_at", "closed_at"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00", "2026-11-18T09:00:00", "now"])
async def test_a_moment_that_there_is_not_is_refused(name: str, at: str) -> None:
    event = told(9, merged=True)
    event["pull_request"][name] = at
    with pytest.raises(DeliveryInvalid):
        await _service(MemoryDocuments()).accept("d1", event)


@pytest.mark.parametrize("carries_out", [True, False])
@pytest.mark.parametrize("at", range(1, 5))
async def test_a_delivery_that_was_interrupted_can_be_sent_again(at: int, carries_out: bool) -> None:
    documents = MemoryDocuments()
    try:
        await PullRequests(port(Dying(documents, at, carries_out=carries_out)), FakeClock(NOON)).accept(
            "d1", told(9, merged=True)
        )
    except StoreUnavailable:
        await _service(documents).accept("d1", told(9, merged=True))
    assert len(await _service(documents).merged(WEEK)) == 1


class _Cells:
    def __init__(self, *cells: Cell) -> None:
        self._all = cells

    async def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        for cell in self._all:
            if (cell.key.view, cell.key.grain) == (view, grain) and (
                teams is None or cell.key.dimensions.team in teams
            ):
                yield cell


def _cell(tag: str, cost: int, team: str = "research", days: int = 0) -> Cell:
    key = CellKey(View.TAG, Grain.DAY, NOON + timedelta(days=days), Dimensions(team), tag)
    return Cell(key, {"cost": cost, "requests": 1})


async def test_a_pull_request_costs_what_its_tag_and_its_branch_did() -> None:
    service = _service(MemoryDocuments())
    await service.accept("d1", told(20, merged=True))
    await service.accept("d2", told(20, 13, branch="other"))
    both = [found for number in (12, 13) if (found := await service.find(f"acme/api#{number}"))]
    cells = _Cells(
        _cell("pr=acme/api#12", 5), _cell("branch=acme/api@faster", 3, "other"), _cell("branch=acme/api@faster", 90, days=2),
        _cell("pr=acme/api#13", 7), _cell("pr=acme/web#12", 100), _cell("step=review", 100),
    )  # fmt: skip
    costs = await costs_of(both, cells, WEEK)
    assert [(each.cost, each.requests, each.teams) for each in costs] == [
        (8, 2, ("other", "research")),
        (7, 1, ("research",)),
    ]
    assert per_merge(costs) == 8
    (own, _) = await costs_of(both, cells, WEEK, ["research"])
    assert own.cost == 5


def test_nothing_merged_has_no_cost_on_average() -> None:
    assert per_merge([]) is None
