"""What is exported: every entry and every change of the directory, at least once, in order, and nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from shared.documents import StoreUnavailable
from shared.errors import BadRequest
from shared.jobs.export_events import CURSORS, ExportFeed, ExportPush, Row, SinkUnavailable, push_all
from shared.ledger.model import Dimensions, Entry
from shared.ledger.service import LedgerService
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.management.office import Office
from tests.shared.watched_documents import Dying, port

AT = datetime(2026, 3, 2, tzinfo=UTC)


def entry(n: int, team: str = "a", **more: Any) -> Entry:
    one: dict[str, Any] = {"event": str(n), "cost": n, "lines": {"input_fresh": n}, "sums": {"requests": 1}, **more}
    return Entry(f"led_{n}", AT + timedelta(seconds=n), AT, Dimensions(team), **one)


class Sink:
    def __init__(self) -> None:
        self.taken: list[Row] = []
        self.fails = False

    async def send(self, rows: Sequence[Row]) -> None:
        if self.fails:
            # Half of them arrived.
            self.taken += rows[: len(rows) // 2]
            raise SinkUnavailable("status 500")
        self.taken += rows

    @property
    def ids(self) -> list[Any]:
        return [row.content.get("id", row.content.get("seq")) for row in self.taken]


class Desk:
    def __init__(self) -> None:
        self.clock = FakeClock(AT)
        self.documents = MemoryDocuments(self.clock)
        self.ledger = LedgerService(self.documents, self.clock, time_zone="UTC")
        self.sink = Sink()

    async def post(self, *numbers: int, team: str = "a") -> None:
        for n in numbers:
            await self.ledger.post([entry(n, team)], [{"id": str(n), "kind": "event", "prompt_like": "secret"}])

    async def push(self) -> int:
        return await ExportPush(self.documents, self.clock, "hub", self.sink).run()


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def pulled(desk: Desk, limit: int) -> list[dict[str, Any]]:
    rows, cursor = list[dict[str, Any]](), None
    while True:
        batch = await ExportFeed(desk.documents).read(cursor, limit)
        assert len(batch.rows) <= limit
        rows += [orjson.loads(line) for line in batch.ndjson().splitlines()]
        cursor = batch.cursor
        if batch.is_last:
            return rows


@pytest.mark.parametrize("limit", [2, 7, 1000])
async def test_pages_hold_every_entry_in_the_order_of_its_partition(desk: Desk, limit: int) -> None:
    await desk.post(*range(1, 8))
    await desk.post(*range(11, 15), team="b")

    rows = await pulled(desk, limit)

    for team, numbers in (("a", range(1, 8)), ("b", range(11, 15))):
        assert [row["id"] for row in rows if row["dimensions"]["team"] == team] == [f"led_{n}" for n in numbers]


async def test_what_goes_on_after_its_call_has_no_cost_yet(desk: Desk) -> None:
    await desk.ledger.post(
        [entry(1, cost=0, lines={}, sums={"requests": 1, "pending": 1})], [{"id": "1", "kind": "event"}]
    )

    (row,) = await pulled(desk, 10)

    assert row["cost"] is None


async def test_events_cells_and_heads_do_not_go_out(desk: Desk) -> None:
    await desk.post(1, 2)

    rows = await pulled(desk, 100)

    assert {row["type"] for row in rows} == {"ledger.entry"}
    assert b"secret" not in orjson.dumps(rows)


async def test_money_goes_out_as_exact_text_and_an_unknown_price_as_none(desk: Desk) -> None:
    large = 123_456_789_012_345_678
    dear = entry(1, cost=large, lines={"input_fresh": large})
    await desk.ledger.post([dear, entry(2, cost=None, lines={}, unpriced=("price",))])

    known, unknown = await pulled(desk, 100)

    assert (known["cost"], known["lines"]) == ("123456789.012345678", {"input_fresh": "123456789.012345678"})
    assert (unknown["cost"], unknown["unpriced"]) == (None, ["price"])


async def test_changes_of_the_directory_go_out_in_their_order() -> None:
    office = Office()
    for team in ("a", "b", "c"):
        await office.made("teams", {"id": team})
    desk = Desk()
    desk.documents = office.documents  # type: ignore[assignment]

    rows = await pulled(desk, 100)

    assert [(row["type"], row["seq"], row["target"]) for row in rows] == [
        ("audit.entry", n, f"teams/{team}") for n, team in enumerate("abc", 1)
    ]
    assert rows[0]["seal"]
    assert await ExportPush(office.documents, office.clock, "hub", desk.sink).run() == 3
    assert {row.partition for row in desk.sink.taken} == {"audit"}


async def test_who_has_read_everything_gets_what_is_new(desk: Desk) -> None:
    await desk.post(1)
    first = await ExportFeed(desk.documents).read(None)
    assert not first.is_last
    nothing = await ExportFeed(desk.documents).read(first.cursor)
    assert (nothing.rows, nothing.is_last) == ([], True)
    await desk.post(2)

    new = await ExportFeed(desk.documents).read(nothing.cursor)

    assert [row.content["id"] for row in new.rows] == ["led_2"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "e30=", "eyJ2IjoiMSIsInVzZXJzIjoiMSJ9", "eyJ2IjoiMSIsImxlZGdlciI6MX0=", "\u00e9"]
)
async def test_a_cursor_of_something_else_is_refused(desk: Desk, cursor: str) -> None:
    with pytest.raises(BadRequest):
        await ExportFeed(desk.documents).read(cursor)


async def test_what_was_pushed_is_not_pushed_again(desk: Desk) -> None:
    await desk.post(1, 2)
    assert await desk.push() == 2
    await desk.post(3)

    assert (await desk.push(), await desk.push()) == (1, 0)
    assert desk.sink.ids == ["led_1", "led_2", "led_3"]


async def test_with_nothing_new_nothing_is_written(desk: Desk) -> None:
    await desk.post(1)
    await desk.push()
    before = await desk.documents.get(CURSORS, "hub", "hub")
    await desk.push()

    assert await desk.documents.get(CURSORS, "hub", "hub") == before


async def test_what_a_sink_did_not_take_comes_again_and_nothing_overtakes_it(desk: Desk) -> None:
    await desk.post(1, 2, 3, 4)
    desk.sink.fails = True
    with pytest.raises(SinkUnavailable):
        await desk.push()
    await desk.post(5)
    desk.sink.fails = False
    await desk.push()

    assert desk.sink.ids == ["led_1", "led_2", *(f"led_{n}" for n in range(1, 6))]


@pytest.mark.parametrize("carries_out", [False, True])
@pytest.mark.parametrize("at", range(1, 7))
async def test_killed_at_any_step_everything_goes_out_at_least_once(desk: Desk, at: int, carries_out: bool) -> None:
    await desk.post(1, 2, 3)
    dying = port(Dying(desk.documents, at, carries_out=carries_out))
    try:
        await ExportPush(dying, desk.clock, "hub", desk.sink).run()
    except StoreUnavailable:
        await desk.push()

    assert list(dict.fromkeys(desk.sink.ids)) == ["led_1", "led_2", "led_3"]


async def test_a_sink_that_is_away_holds_up_none_of_the_others(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    await desk.post(1)
    away, there = Sink(), Sink()
    away.fails = True

    assert await push_all(desk.documents, desk.clock, {"away": away, "there": there}) == 1
    assert there.ids == ["led_1"]
    assert "the export to away waits" in caplog.text.lower()
