"""What was spent, to whom it concerns: sums that agree with the entries behind them."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from shared.gateway.message import GatewayRequest
from shared.reconciliation.recount import KEPT_S
from shared.reconciliation.zone import ZoneStore
from tests.shared.management.bookkeeping import NOON, Bookkeeping
from tests.shared.management.office import ADMIN_A, ADMIN_B, AUDITOR, DEV_A, DEV_B, ROOT, Office

MARCH = "from=2026-03-01&to=2026-04-01"


@pytest.fixture
async def spent(office: Office) -> Office:
    """Two teams in March: a spends 3 with two models and two keys, b spends 5 by a user."""
    office.clock.set(NOON + timedelta(hours=1))
    books = office.bookkeeping
    await books.spend("a", NOON, 10**9, model="gpt-4o", key="vk_dev-a", application="app-a", tags=("pr=x#1",))
    await books.spend("a", NOON - timedelta(days=2), 2 * 10**9, model="o3", key="vk_other", application="app-a")
    await books.spend("b", NOON, 5 * 10**9, model="gpt-4o", key="vk_else", user="dev")
    return office


async def costs(office: Office, query: str, by: str = ROOT) -> list[tuple[object, ...]]:
    answer = await office.call("GET", f"costs?{query}", by=by)
    assert answer.status == 200, answer.raw
    return [(*row["group"].values(), row["cost"], row["requests"]) for row in answer.json["rows"]]


async def test_costs_are_added_up_by_what_is_asked_for(spent: Office) -> None:
    assert await costs(spent, MARCH) == [("8", 3)]
    assert await costs(spent, f"{MARCH}&group_by=team") == [("a", "3", 2), ("b", "5", 1)]
    assert await costs(spent, f"{MARCH}&group_by=team,model") == [
        ("a", "gpt-4o", "1", 1), ("a", "o3", "2", 1), ("b", "gpt-4o", "5", 1),
    ]  # fmt: skip
    assert await costs(spent, f"{MARCH}&group_by=model&team=a&model=o3") == [("o3", "2", 1)]
    assert await costs(spent, f"{MARCH}&group_by=tag") == [("pr=x#1", "1", 1)]


async def test_days_are_those_of_the_finance_time_zone(office: Office) -> None:
    office.clock.set(NOON)
    late = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)
    await office.bookkeeping.spend("a", late)

    answer = (await office.call("GET", "costs?from=2026-03-09&to=2026-03-10&grain=day")).json

    assert (answer["from"], answer["to"]) == ("2026-03-08T23:00:00+00:00", "2026-03-09T23:00:00+00:00")
    assert [(row["start"], row["end"], row["cost"]) for row in answer["rows"]] == [
        ("2026-03-08T23:00:00+00:00", "2026-03-09T23:00:00+00:00", "1")
    ]


async def test_what_has_no_price_is_not_shown_as_nothing(office: Office) -> None:
    office.clock.set(NOON + timedelta(hours=1))
    await office.bookkeeping.spend("a", NOON, None, model="new", provider="azure_openai")
    await office.bookkeeping.spend("a", NOON, 0, model="free")

    rows = (await office.call("GET", f"costs?{MARCH}&group_by=model")).json["rows"]
    unpriced = (await office.call("GET", f"unpriced?{MARCH}")).json["rows"]

    assert [(row["group"]["model"], row["cost"], row["unpriced"]) for row in rows] == [
        ("free", "0", 0),
        ("new", None, 1),
    ]
    assert [(row["group"], row["requests"]) for row in unpriced] == [
        ({"provider": "azure_openai", "model": "new", "tier": None}, 1)
    ]


async def test_everybody_sees_only_what_concerns_them(spent: Office) -> None:
    by_team = f"{MARCH}&group_by=team"

    assert await costs(spent, by_team, by=AUDITOR) == [("a", "3", 2), ("b", "5", 1)]
    assert await costs(spent, by_team, by=ADMIN_A) == [("a", "3", 2)]
    assert await costs(spent, by_team, by=DEV_A) == [("a", "1", 1)]
    assert await costs(spent, by_team, by=DEV_B) == [("b", "5", 1)]
    assert await costs(spent, f"{by_team}&team=a", by=ADMIN_B) == []
    assert await costs(spent, f"{by_team}&key=vk_other", by=DEV_A) == []


async def test_who_sees_a_part_is_not_told_of_the_whole_by_the_coverage(spent: Office) -> None:
    whole = (await spent.call("GET", f"costs?{MARCH}")).json["coverage"]
    own = (await spent.call("GET", f"costs?{MARCH}", by=ADMIN_A)).json["coverage"]
    part = (await spent.call("GET", f"costs?{MARCH}", by=DEV_A)).json["coverage"]

    assert (whole["partitions"], whole["postings"], own["partitions"]) == (2, 3, 1)
    assert set(part) == {"posted_through"}


async def test_the_summary_has_the_dearest_first_and_adds_up(spent: Office) -> None:
    answer = (await spent.call("GET", f"costs/summary?{MARCH}")).json

    assert [(total["currency"], total["cost"]) for total in answer["totals"]] == [("USD", "8")]
    assert [(part["name"], part["cost"]) for part in answer["by_team"]] == [("b", "5"), ("a", "3")]
    assert [(part["name"], part["cost"]) for part in answer["by_model"]] == [("gpt-4o", "6"), ("o3", "2")]
    assert [part["name"] for part in answer["by_tag"]] == ["pr=x#1"]


async def test_behind_a_figure_stand_its_entries(spent: Office) -> None:
    entries = await spent.items(f"entries?{MARCH}&team=a&limit=1")

    assert [(entry["dimensions"]["model"], entry["cost"]) for entry in entries] == [("o3", "2"), ("gpt-4o", "1")]
    one = entries[1]
    assert one["lines"] == {"input_fresh": "1"}
    read = await spent.call("GET", f"entries/{one['id']}?team=a&at={one['at'].replace('+00:00', 'Z')}")
    assert read.json == one


async def test_entries_of_others_do_not_exist(spent: Office) -> None:
    (theirs,) = await spent.items(f"entries?{MARCH}&team=b")
    address = f"entries/{theirs['id']}?team=b&at=2026-03-10T12:00:00Z"

    assert (await spent.call("GET", address, by=ADMIN_B)).status == 200
    assert (await spent.call("GET", address, by=DEV_B)).status == 200
    for by in (ADMIN_A, DEV_A):
        assert (await spent.call("GET", address, by=by)).status == 404
    assert await spent.items(f"entries?{MARCH}&team=b", by=ADMIN_A) == []
    assert [entry["dimensions"]["key"] for entry in await spent.items(f"entries?{MARCH}", by=DEV_A)] == ["vk_dev-a"]


async def test_entries_are_exported_one_a_line(spent: Office) -> None:
    sent = {"authorization": f"Bearer {AUDITOR}"}
    query = f"{MARCH}&format=ndjson"
    request = GatewayRequest("GET", "/api/v1/export/entries", query, sent, list(sent.items()), lambda: None)  # type: ignore[arg-type, return-value]

    answer = await spent.api.handle(request)

    assert not isinstance(answer.body, bytes)
    lines = [orjson.loads(line) for line in b"".join([piece async for piece in answer.body]).splitlines()]
    assert sorted(line["cost"] for line in lines) == ["1", "2", "5"]
    assert dict(answer.headers)["content-type"] == "application/x-ndjson"


async def test_latency_is_told_in_quantiles(spent: Office) -> None:
    (row,) = (await spent.call("GET", f"usage/latency?{MARCH}&group_by=team&team=b")).json["rows"]

    assert row["latency"]["p95_ms"] == row["latency"]["p50_ms"] is not None
    assert row["first_byte"]["p50_ms"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("group_by=nothing", "group_by"),
        ("group_by=team,team", "group_by"),
        ("group_by=team,model,key,user", "group_by"),
        ("from=yesterday", "from"),
        ("from=2026-03-01T00:00:00", "from"),
        ("from=0001-01-01", "from"),
        ("from=2026-03-02&to=2026-03-01", "to"),
        ("from=2026-03-02&to=2026-03-02", "to"),
        ("grain=hour&from=2020-01-01&to=2026-03-01", "from"),
        ("group_by=tag&model=o3", "tag"),
        ("group_by=tag&grain=hour", "grain"),
        ("grain=week", "grain"),
    ],
)
async def test_what_cannot_be_answered_names_the_field(spent: Office, query: str, field: str) -> None:
    answer = await spent.call("GET", f"costs?{query}")

    assert (answer.status, answer.fields) == (422, [field])


async def test_the_store_that_is_down_is_told(spent: Office) -> None:
    spent.documents.is_down = True  # type: ignore[attr-defined]

    assert (await spent.call("GET", "costs")).status == 503


def test_the_books_of_the_office_are_the_real_ones(office: Office) -> None:
    assert isinstance(office.bookkeeping, Bookkeeping)
    assert office.parts.books is office.bookkeeping.books


async def test_what_goes_on_after_its_call_has_no_cost_yet_and_then_that_of_another_entry(office: Office) -> None:
    office.clock.set(NOON + timedelta(hours=1))
    spend = office.bookkeeping.spend
    running = await spend("a", NOON, 0, sums={"pending": 1})
    await spend("a", NOON, 0)

    listed = {entry["id"]: entry["cost"] for entry in await office.items("entries")}
    one = (await office.call("GET", f"entries/{running.id}?team=a&at={NOON:%Y-%m-%dT%H:%M:%SZ}")).json
    (total,) = (await office.call("GET", "costs/summary")).json["totals"]
    assert sorted(listed.values(), key=str) == ["0", None]
    assert (one["cost"], one["unpriced"], one["sums"]["pending"]) == (None, [], 1)
    assert (total["cost"], total["pending"]) == ("0", 1)

    settled = await spend("a", NOON, 5 * 10**9, sums={"requests": 0, "pending": -1})
    listed = {entry["id"]: entry["cost"] for entry in await office.items("entries")}
    (total,) = (await office.call("GET", "costs/summary")).json["totals"]
    assert (listed[settled.id], listed[running.id]) == ("5", None)
    assert (total["cost"], total["pending"], total["requests"]) == ("5", 0, 2)


async def test_what_is_no_entry_is_not_found(spent: Office) -> None:
    for id in ("head", "req_00000000000000000000000001"):
        assert (await spent.call("GET", f"entries/{id}?team=a&at=2026-03-10")).status == 404


async def test_lists_go_through_some_years_at_most(spent: Office) -> None:
    for path in ("entries", "transformation/pull-requests"):
        answer = await spent.call("GET", f"{path}?from=2000-01-01&to=2199-12-31")
        assert (answer.status, answer.fields) == (422, ["from"])
    assert len(await spent.items("entries?from=2023-06-01&to=2026-04-01&limit=1")) == 3


async def test_a_forecast_of_what_has_no_price_is_not_nothing(office: Office) -> None:
    office.clock.set(NOON + timedelta(hours=1))
    for days in range(9):
        await office.bookkeeping.spend("a", NOON - timedelta(days=days), None)

    (told,) = (await office.call("GET", "forecast")).json["currencies"]

    assert (told["spent"], told["expected"], told["unpriced"]) == (None, None, 9)


MONEY = (
    f"costs?{MARCH}", f"costs?{MARCH}&group_by=tag&grain=day", f"costs/summary?{MARCH}", f"usage/latency?{MARCH}",
    f"unpriced?{MARCH}", "forecast",
)  # fmt: skip


@pytest.mark.parametrize("path", MONEY)
async def test_while_the_books_are_counted_anew_no_figure_is_told(spent: Office, path: str) -> None:
    assert (await spent.call("GET", path)).status == 200
    await ZoneStore(spent.documents, spent.clock, "Asia/Kolkata").state()
    spent.clock.advance(KEPT_S)

    answer = await spent.call("GET", path)

    assert (answer.status, answer.headers["retry-after"]) == (503, "300")
    assert answer.json["type"] == "urn:tollgate:problem:books_recounted"
    assert "counted anew for the time zone Europe/Berlin; " in answer.json["detail"]
    assert (await spent.call("GET", f"entries?{MARCH}")).status == 200


async def test_who_sees_one_team_is_not_told_how_many_others_there_are(spent: Office) -> None:
    await ZoneStore(spent.documents, spent.clock, "Asia/Kolkata").state()

    answer = await spent.call("GET", f"costs?{MARCH}", by=ADMIN_A)

    assert "1 of 1 partition left" in answer.json["detail"]
