"""Work that nobody comes back for is asked for until it is settled, less and less often, and given up aloud."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import pytest

from shared.alerts.model import Notice
from shared.documents import StoreUnavailable
from shared.errors import Unavailable
from shared.gateway.late import Found
from shared.jobs.provisions_sweep import Swept, sweep
from shared.ownership.open_work import CONTAINER, FIRST_LOOK, PARTITION, OpenWork, OpenWorkStore
from shared.wire.openai.endpoints import Kind
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Dying, port

MINUTES = 60


class Upstream:
    """Says of each object what it was told to say; what ends is settled once."""

    def __init__(self) -> None:
        self.shows: dict[str, Found] = {}
        self.looked: list[str] = []
        self.settled: list[str] = []
        self.given_up: list[str] = []
        self.error: Exception | None = None

    async def look(self, object_id: str) -> Found:
        self.looked.append(object_id)
        if self.error is not None:
            raise self.error
        shown = self.shows.get(object_id, Found.GOES_ON)
        if shown is Found.SETTLED:
            self.settled.append(object_id)
            self.shows[object_id] = Found.NOTHING
        return shown

    async def give_up(self, object_id: str) -> bool:
        self.given_up.append(object_id)
        return True


class Board:
    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}

    async def raise_(self, notices: Iterable[Notice]) -> int:
        self.notices |= {notice.id: notice for notice in notices}
        return 1


class Desk:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.documents = MemoryDocuments(self.clock)
        self.store = OpenWorkStore(self.documents)
        self.upstream, self.board = Upstream(), Board()

    async def begin(self, *ids: str, kind: Kind = Kind.RESPONSE) -> None:
        now = self.clock.now()
        for id in ids:
            await self.store.put(OpenWork(id, kind, "research", now, now + FIRST_LOOK))

    async def tick(self, minutes: float = 5) -> Swept:
        self.clock.advance(minutes * MINUTES)
        return await sweep(self.store, self.upstream, self.board, self.clock)

    async def open(self) -> set[str]:
        page = await self.documents.query(CONTAINER, PARTITION, limit=1000)
        return {str(document.body["id"]) for document in page.documents}


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_what_has_ended_is_settled_and_off_the_list(desk: Desk) -> None:
    ids = {f"resp_{n}" for n in range(250)}
    await desk.begin(*ids)
    desk.upstream.shows = dict.fromkeys(ids, Found.SETTLED)

    swept = await desk.tick()

    assert (swept.settled, set(desk.upstream.settled), await desk.open()) == (250, ids, set())


async def test_what_an_owner_has_settled_already_is_off_the_list_too(desk: Desk) -> None:
    await desk.begin("resp_1")
    desk.upstream.shows["resp_1"] = Found.NOTHING

    assert (await desk.tick()).settled == 0
    assert await desk.open() == set()


async def test_what_has_just_begun_is_left_alone(desk: Desk) -> None:
    await desk.begin("resp_1")

    await desk.tick(4)

    assert desk.upstream.looked == []


@pytest.mark.parametrize(("kind", "most_looks"), [(Kind.RESPONSE, 30), (Kind.BATCH, 18)])
async def test_it_is_asked_less_and_less_often(desk: Desk, kind: Kind, most_looks: int) -> None:
    await desk.begin("work", kind=kind)
    for _ in range(12 * 23):
        await desk.tick()

    assert most_looks - 6 <= len(desk.upstream.looked) <= most_looks
    assert desk.board.notices == {}


@pytest.mark.parametrize(("kind", "told_h", "over_days"), [(Kind.RESPONSE, 24, 7), (Kind.BATCH, 48, 30)])
async def test_it_is_told_once_when_it_takes_too_long_and_given_up_in_the_end(
    desk: Desk, kind: Kind, told_h: int, over_days: int
) -> None:
    await desk.begin("work", kind=kind)
    began = desk.clock.now()
    while await desk.open():
        await desk.tick(120)
        if desk.clock.now() - began < timedelta(hours=told_h):
            assert desk.board.notices == {}

    late, given_up = desk.board.notices.values()
    assert (late.kind, late.team, ("Object", "work") in late.facts) == ("reconciliation", "research", True)
    assert "not be known" in given_up.title
    assert timedelta(days=over_days) <= desk.clock.now() - began <= timedelta(days=over_days, hours=4)
    assert desk.upstream.given_up == ["work"]


async def test_what_has_ended_without_a_word_is_given_up_after_a_day(desk: Desk) -> None:
    await desk.begin("resp_1")
    desk.upstream.shows["resp_1"] = Found.UNTOLD

    await desk.tick()
    assert desk.upstream.given_up == []
    for _ in range(13):
        await desk.tick(120)

    assert (desk.upstream.given_up, await desk.open()) == (["resp_1"], set())


@pytest.mark.parametrize("found", [Found.UNREACHABLE, Found.GOES_ON])
async def test_an_upstream_that_is_away_is_asked_again(desk: Desk, found: Found) -> None:
    await desk.begin("resp_1")
    desk.upstream.shows["resp_1"] = found
    await desk.tick()
    desk.upstream.shows["resp_1"] = Found.SETTLED

    assert (await desk.tick(60)).settled == 1


async def test_trouble_with_one_holds_up_none_of_the_others(desk: Desk) -> None:
    await desk.begin("resp_1", "resp_2")
    desk.upstream.error = Unavailable("away")

    assert (await desk.tick()).going_on == 2
    assert desk.upstream.looked == ["resp_1", "resp_2"]


async def test_one_that_kills_its_process_does_not_hold_up_the_others_at_the_next_tick(desk: Desk) -> None:
    await desk.begin("resp_1", "resp_2")
    desk.upstream.error = RuntimeError("killed")
    with pytest.raises(RuntimeError):
        await desk.tick()
    desk.upstream.error = None
    desk.upstream.shows = {"resp_2": Found.SETTLED}

    assert (await desk.tick(0)).settled == 1


@pytest.mark.parametrize("carries_out", [False, True])
@pytest.mark.parametrize("at", range(1, 8))
async def test_a_sweep_that_dies_anywhere_is_finished_by_the_next(desk: Desk, at: int, carries_out: bool) -> None:
    await desk.begin("resp_1", "resp_2")
    desk.upstream.shows = dict.fromkeys(("resp_1", "resp_2"), Found.SETTLED)
    desk.clock.advance(5 * MINUTES)
    dying = OpenWorkStore(port(Dying(desk.documents, at, carries_out=carries_out)))
    with suppress(StoreUnavailable):
        await sweep(dying, desk.upstream, desk.board, desk.clock)

    await desk.tick(60)

    assert sorted(desk.upstream.settled) == ["resp_1", "resp_2"]
    assert await desk.open() == set()
