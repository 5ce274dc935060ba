"""Corrections by hand: beside what is there, once, under a name."""

from datetime import timedelta
from typing import Any

import pytest

from tests.shared.management.bookkeeping import NOON
from tests.shared.management.office import ADMIN_A, AUDITOR, Office

CREDIT = {
    "team": "a", "at": "2026-03-10", "amount": "-0.123456789", "reason": "Billed twice", "idempotency_key": "ticket-4711",
}  # fmt: skip
MARCH = "from=2026-03-01&to=2026-04-01"


@pytest.fixture
async def spent(office: Office) -> Office:
    await office.made("areas", {"id": "retail"})
    await office.made("teams", {"id": "a", "area": "retail", "cost_center": "4711"})
    office.clock.set(NOON + timedelta(hours=1))
    await office.bookkeeping.spend("a", NOON, 10**9, cost_center="4711")
    return office


async def cost(office: Office) -> Any:
    (row,) = (await office.call("GET", f"costs?{MARCH}&group_by=cost_center")).json["rows"]
    return row["cost"]


async def test_a_credit_is_an_entry_that_says_who_and_why_and_counts_where_its_team_does(spent: Office) -> None:
    posted = await spent.call("POST", "adjustments", CREDIT)

    entry = posted.json
    assert posted.status == 200
    assert (entry["cost"], entry["reason"], entry["actor"]) == ("-0.123456789", "Billed twice", "vk_root")
    assert entry["dimensions"] | {"type": "adjustment", "area": "retail", "cost_center": "4711"} == entry["dimensions"]
    assert await cost(spent) == "0.876543211"
    (audited,) = (await spent.call("GET", "audit?limit=1")).json["data"]
    assert (audited["action"], audited["target"]) == ("ledger.adjust", f"ledger/{entry['id']}")


async def test_it_is_posted_once_however_often_it_is_sent(spent: Office) -> None:
    answers = [await spent.call("POST", "adjustments", CREDIT) for _ in range(3)]
    other = await spent.call("POST", "adjustments", {**CREDIT, "amount": "-5"})

    assert [answer.json for answer in answers] == [answers[0].json] * 3
    assert other.status == 409
    assert await cost(spent) == "0.876543211"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "0.0000000001"}, "amount"),
        ({"amount": "1e10"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"at": "2026-03-12"}, "at"),
        ({"at": "once"}, "at"),
        ({"team": "nobody"}, "team"),
        ({"reason": "a\nb\nc"}, "reason"),
        ({"reason": ""}, "reason"),
        ({"idempotency_key": "short"}, "idempotency_key"),
        ({"currency": "EUR"}, "currency"),
    ],
)
async def test_what_cannot_be_posted_names_the_field(spent: Office, change: dict[str, str], field: str) -> None:
    answer = await spent.call("POST", "adjustments", {**CREDIT, **change})

    assert (answer.status, answer.fields) == (422, [field])
    assert await cost(spent) == "1"


@pytest.mark.parametrize("by", [ADMIN_A, AUDITOR])
@pytest.mark.parametrize("path", ["adjustments", "rerate"])
async def test_only_platform_admins_correct(spent: Office, by: str, path: str) -> None:
    assert (await spent.call("POST", path, CREDIT, by=by)).status == 403


async def test_what_cannot_be_audited_is_not_posted(spent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.documents import StoreUnavailable

    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(spent.store, "note", down)

    assert (await spent.call("POST", "adjustments", CREDIT)).status == 503
    assert await cost(spent) == "1"


async def test_rating_anew_says_what_it_came_to(spent: Office) -> None:
    await spent.bookkeeping.spend("a", NOON, None, model="new")

    answer = await spent.call("POST", "rerate", {"from": "2026-03-01", "to": "2026-03-11"})
    too_long = await spent.call("POST", "rerate", {"from": "2025-01-01", "to": "2026-03-11"})

    assert (answer.status, answer.json["adjusted"], answer.json["cost"]) == (200, 0, "0")
    assert (too_long.status, too_long.fields) == (422, ["from"])
