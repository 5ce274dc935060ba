"""Months, proofs, reports, alerts and dead letters as the API shows them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.alerts.model import Notice
from shared.alerts.store import NoticeStore
from shared.ledger.model import EntryType
from shared.management import body as bodies
from tests.shared.management.bookkeeping import EXPORT, NOON
from tests.shared.management.office import ADMIN_A, ADMIN_B, AUDITOR, Office


@pytest.fixture
async def march(furnished: Office) -> Office:
    furnished.clock.set(NOON + timedelta(hours=1))
    return furnished


async def test_months_are_those_with_something_in_them_and_the_current_one(march: Office) -> None:
    listed = (await march.call("GET", "periods")).json["data"]

    assert [(period["month"], period["state"]) for period in listed] == [("2026-03", "open"), ("2025-12", "open")]


async def test_a_closed_month_says_what_with_and_lists_what_came_later(march: Office) -> None:
    closing = await march.call("POST", "periods/2025-12/close", {})
    march.clock.advance(61)
    await march.bookkeeping.closing.advance("2025-12")
    march.clock.advance(1)
    credit = {"team": "a", "at": "2025-12-05", "amount": "-0.5", "reason": "Too much", "idempotency_key": "credit-1"}
    await march.call("POST", "adjustments", credit)

    period = (await march.call("GET", "periods/2025-12", by=AUDITOR)).json

    assert closing.json["state"] == "closing"
    assert (period["state"], period["snapshot"]["cost"], period["closing_by"]) == ("closed", {"USD": "1"}, "vk_root")
    assert [(team["team"], team["totals"][0]["cost"]) for team in period["teams"]] == [("a", "1")]
    assert [(entry["cost"], entry["reason"]) for entry in period["adjustments"]] == [("-0.5", "Too much")]
    (audited, *_) = [entry for entry in await march.items("audit") if entry["action"] == "period.close"]
    assert audited["target"] == "periods/2025-12"


@pytest.mark.parametrize(("month", "status"), [("2026-03", 409), ("2026-13", 404), ("2026", 404), ("x", 404)])
async def test_a_month_that_is_not_over_or_none_is_not_closed(march: Office, month: str, status: int) -> None:
    assert (await march.call("POST", f"periods/{month}/close", {})).status == status


async def test_proving_finds_the_ledger_right_and_the_result_stays(march: Office) -> None:
    run = await march.call("POST", "reconciliation/run", {"month": "2025-12"})
    listed = (await march.call("GET", "reconciliation?month=2025-12")).json["data"]

    assert [(each["team"], each["is_clean"], each["entries"]) for each in run.json["data"]] == [("a", True, 1)]
    assert run.json["left"] == 0
    assert listed == run.json["data"]
    assert (await march.call("GET", "reconciliation")).json["data"] == []


async def test_an_export_of_azures_costs_is_held_against_the_ledger(march: Office) -> None:
    sent = {"content-type": "text/csv; charset=utf-8"}
    taken = await march.call("POST", "reconciliation/azure-costs", EXPORT, headers=sent)
    wrong = await march.call("POST", "reconciliation/azure-costs", b"Date,Cost\n", headers=sent)
    untyped = await march.call("POST", "reconciliation/azure-costs", EXPORT, headers={"content-type": "text/plain"})
    compared = (await march.call("GET", "reconciliation/azure-costs/2025-12")).json

    assert [(each["month"], each["lines"], each["cost"]) for each in taken.json["data"]] == [
        ("2025-12", 1, {"USD": "1.5"})
    ]
    assert (wrong.status, untyped.status) == (400, 415)
    charged, used = compared["rows"]
    assert (charged["azure"], charged["ledger"], charged["residual"]) == ("1.5", "0", "1.5")
    assert charged["causes"][0] == {"reason": "untagged", "amount": None, "unit": None}
    assert (used["azure"], used["ledger"], used["residual"]) == ("0", "1", "-1")
    assert used["causes"][0] == {"reason": "not_at_azure", "amount": None, "unit": None}
    assert compared["totals"] == [{"currency": "USD", "azure": "1.5", "ledger": "1", "residual": "0.5"}]
    assert (await march.call("GET", "reconciliation/azure-costs/2026-01")).status == 404


async def test_a_body_that_is_too_large_is_refused_while_it_comes(march: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(bodies, "MAX_STREAM_BYTES", 10)

    answer = await march.call("POST", "reconciliation/azure-costs", EXPORT, headers={"content-type": "text/csv"})

    assert answer.status == 413


async def test_a_report_is_queued_over_whole_days(march: Office) -> None:
    last_month = await march.call("POST", "reports/runs", {"report": "monthly"})
    days = {"report": "monthly", "from": "2026-03-01", "to": "2026-03-05"}
    some_days = await march.call("POST", "reports/runs", days)

    assert (last_month.status, last_month.json["period"], last_month.json["by"]) == (202, "2026-02", "vk_root")
    assert (last_month.json["from"], last_month.json["state"]) == ("2026-01-31T23:00:00+00:00", "requested")
    assert some_days.json["period"] == "2026-03-01_2026-03-04"
    assert [queue for queue, _ in march.bookkeeping.events.sent] == ["reports", "reports"]
    listed = await march.items("reports/runs?limit=1")
    assert {run["id"] for run in listed} == {last_month.json["id"], some_days.json["id"], "run_x"}
    assert (await march.call("GET", f"reports/runs/{some_days.json['id']}")).json == some_days.json


async def test_a_report_without_a_schedule_is_that_of_the_month_so_far(march: Office) -> None:
    so_far = await march.call("POST", "reports/runs", {"report": "so-far"})
    named = await march.call("POST", "reports/runs", {"report": "so-far", "period": "2026-02"})

    since = await march.call("POST", "reports/runs", {"report": "monthly", "from": "2026-03-04"})

    assert (since.json["period"], since.json["to"]) == ("2026-03-04_2026-03-10", so_far.json["to"])
    assert so_far.json["period"] == "2026-03-01_2026-03-10"
    assert so_far.json["to"] == "2026-03-10T23:00:00+00:00"
    assert (named.json["period"], named.json["from"]) == ("2026-02", "2026-01-31T23:00:00+00:00")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"report": "nothing"}, "report"),
        ({"report": "monthly", "from": "2026-03-01T12:00:00Z", "to": "2026-03-05"}, "to"),
        ({"report": "monthly", "from": "2026-03-05", "to": "2026-03-01"}, "to"),
        ({"report": "monthly", "period": "2026-13"}, "period"),
        ({"report": "monthly", "period": "9999-12"}, "period"),
        ({"report": "monthly", "period": "0000-01"}, "period"),
        ({"report": "monthly", "period": "2026-02", "from": "2026-03-01"}, "period"),
    ],
)
async def test_a_report_over_something_else_is_refused(march: Office, body: dict[str, str], field: str) -> None:
    answer = await march.call("POST", "reports/runs", body)

    assert (answer.status, answer.fields) == (422, [field])


async def test_a_scheduled_run_has_an_address(march: Office) -> None:
    from dataclasses import replace

    run = await march.bookkeeping.runs.get("run_x")
    assert run is not None
    await march.bookkeeping.runs.create(replace(run, id="monthly|2025-12"))

    found = await march.call("GET", "reports/runs/monthly@2025-12")

    assert (found.status, found.json["id"]) == (200, "monthly@2025-12")
    assert (await march.call("GET", "reports/runs/monthly@2025-12/files/statement.csv")).raw == b"team,cost\n"


async def test_only_files_of_the_run_are_given(march: Office) -> None:
    march.bookkeeping.files.kept["2025-12/monthly/run_x/1/other.csv"] = b"x"

    file = await march.call("GET", "reports/runs/run_x/files/statement.csv")

    assert file.headers["content-disposition"] == 'attachment; filename="statement.csv"'
    for name in ("other.csv", "..%2Fother.csv"):
        assert (await march.call("GET", f"reports/runs/run_x/files/{name}")).status == 404


async def test_notices_are_told_to_whom_they_concern(march: Office) -> None:
    store = NoticeStore(march.documents)
    for team in ("a", "b", None):
        notice = Notice(
            f"ntc-{team}", "anomaly", "warning", "Spending", "More than usual.", NOON, (("hour", "12"),), team
        )
        await store.add(notice, NOON)

    everything, own = await march.items("notices", by=AUDITOR), await march.items("notices", by=ADMIN_B)

    assert {notice["team"] for notice in everything} == {"a", "b", None}
    assert [(notice["team"], notice["facts"]) for notice in own] == [("b", [{"label": "hour", "value": "12"}])]


async def test_a_delivery_that_failed_starts_over(march: Office) -> None:
    choice = {"notice": "ntc_x", "channel": "ops"}

    again = await march.call("POST", "deliveries/retry", choice)
    unknown = await march.call("POST", "deliveries/retry", {**choice, "channel": "none"})

    assert (again.json["state"], again.json["attempts"], unknown.status) == ("pending", 0, 404)
    assert [each["state"] for each in await march.items("deliveries", by=AUDITOR)] == ["pending"]


async def test_channels_are_listed_without_what_leads_to_them(march: Office) -> None:
    listed = await march.call("GET", "channels", by=AUDITOR)

    assert listed.json == {"data": [{"name": "ops", "kind": "webhook", "most_per_hour": 20}]}
    assert (await march.call("GET", "channels", by=ADMIN_A)).status == 403


async def test_a_channel_is_tried(march: Office) -> None:
    tried = await march.call("POST", "channels/ops/test")

    assert tried.json == {"channel": "ops", "result": "delivered"}
    assert (await march.call("POST", "channels/nothing/test")).status == 404


async def test_dead_letters_of_all_places_are_one_list(march: Office) -> None:
    march.bookkeeping.letters.add("usage-events", b"\xff no text")
    march.bookkeeping.letters.add("reports", b"{}")

    listed = await march.items("dead-letters?limit=1", by=AUDITOR)

    assert sorted((letter["queue"], letter["text"]) for letter in listed) == [
        ("alerts", '{"id": "x"}'), ("reports", "{}"), ("usage-events", "\N{REPLACEMENT CHARACTER} no text"),
    ]  # fmt: skip


async def test_a_dead_letter_is_checked_corrected_or_given_up_and_each_is_audited(march: Office) -> None:
    address = "dead-letters/alerts/7"
    wrong = await march.call("POST", f"{address}/check", {"body": "[]"})
    right = await march.call("POST", f"{address}/check", {"body": '{"id": "y"}'})
    sent = await march.call("POST", f"{address}/replay", {"body": '{"id": "y"}'})
    again = await march.call("POST", f"{address}/replay", {})
    march.bookkeeping.letters.add("alerts", b"{}")
    given_up = await march.call("DELETE", "dead-letters/alerts/1")

    assert (wrong.status, wrong.fields) == (400, ["body"])
    assert right.json["text"] == '{"id": "y"}'
    assert (sent.status, again.status, given_up.status) == (204, 404, 204)
    assert march.bookkeeping.letters.replayed == [("alerts", b'{"id": "y"}')]
    deeds = [entry for entry in await march.items("audit") if entry["action"].startswith("dead_letter")]
    assert [entry["action"].split()[0] for entry in deeds] == ["dead_letter.discard", "dead_letter.replay"]
    assert {entry["actor"]["id"] for entry in deeds} == {"vk_root"}


async def test_a_usage_event_has_to_be_one_to_go_back(march: Office) -> None:
    march.bookkeeping.letters.add("usage-events", b"{}")

    answer = await march.call("POST", "dead-letters/usage-events/2/replay", {})

    assert (answer.status, answer.fields) == (400, ["body"])


@pytest.mark.parametrize(
    "path", ["periods", "reconciliation", "reports/runs", "deliveries", "dead-letters", "unpriced"]
)
async def test_a_team_admin_sees_nothing_of_the_whole(march: Office, path: str) -> None:
    assert (await march.call("GET", path, by=ADMIN_A)).status == 403


async def test_the_month_ends_as_the_days_before_tell(march: Office) -> None:
    for day in range(1, 29):
        for team in ("a", "b"):
            await march.bookkeeping.spend(team, datetime(2026, 2, day, 12, tzinfo=UTC), 10**9)
    for day in range(1, 10):
        await march.bookkeeping.spend("a", datetime(2026, 3, day, 12, tzinfo=UTC), 10**9)
        await march.bookkeeping.spend("b", datetime(2026, 3, day, 12, tzinfo=UTC), 10**9)

    whole, own = [(await march.call("GET", "forecast", by=by)).json for by in (AUDITOR, ADMIN_A)]

    (whole_end,), (own_end,) = whole["currencies"], own["currencies"]
    assert (whole["month"], whole_end["spent"], whole_end["expected"]) == ("2026-03", "18", "62")
    assert (own["team"], own_end["spent"], own_end["expected"]) == ("a", "9", "31")


async def test_what_was_adjusted_is_in_the_forecast_once_and_tells_nothing_of_the_days_to_come(march: Office) -> None:
    used = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in range(1, 10)]
    for at in used:
        await march.bookkeeping.spend("a", at, 10**9)
        await march.bookkeeping.spend("b", at, 10**9, type=EntryType.ALLOCATION)
    before = (await march.call("GET", "forecast")).json["currencies"][0]
    await march.bookkeeping.spend("a", used[3], -5 * 10**9, type=EntryType.ADJUSTMENT)
    await march.bookkeeping.spend("a", datetime(2026, 2, 1, 12, tzinfo=UTC), 99 * 10**9, type=EntryType.ADJUSTMENT)

    after = (await march.call("GET", "forecast")).json["currencies"][0]

    assert (before["spent"], before["expected"], before["method"]) == ("18", "62", "mean")
    figures = ("spent", "expected", "low", "high")
    assert {name: Decimal(before[name]) - Decimal(after[name]) for name in figures} == dict.fromkeys(figures, 5)
    assert after["method"] == "mean"


async def test_days_of_adjustments_alone_are_no_history(march: Office) -> None:
    for day in range(1, 10):
        at = datetime(2026, 3, day, 12, tzinfo=UTC)
        await march.bookkeeping.spend("a", at, -(10**9), type=EntryType.ADJUSTMENT)

    (end,) = (await march.call("GET", "forecast")).json["currencies"]

    assert (end["spent"], end["expected"], end["method"]) == ("-9", None, "too_little")


async def test_of_a_few_days_nothing_is_foretold(office: Office) -> None:
    office.clock.set(NOON)
    await office.bookkeeping.spend("a", NOON - timedelta(hours=2))

    (end,) = (await office.call("GET", "forecast")).json["currencies"]

    assert (end["spent"], end["expected"], end["low"], end["method"]) == ("1", None, None, "too_little")
