"""The commands around the books: periods, reconciliation, alerts, dead letters, sessions."""

from collections.abc import Callable

import pytest

from tests.cli.console import Console
from tests.cli.stub import Stub

PERIOD = {
    "month": "2026-10", "label": "FY2026-P07", "state": "closed", "closed_at": "2026-11-05T00:00:00Z", "blockers": [],
    "snapshot": {"cost": {"USD": "12.5"}},
}  # fmt: skip


def test_months_are_listed_with_what_they_were_closed_with(stub: Stub, console: Console) -> None:
    waiting = {"month": "2026-11", "state": "closing", "blockers": ["a: 3 requests have no price"], "snapshot": None}
    stub.tell("GET periods", {"data": [waiting, PERIOD]})

    asked = console("periods", "list")

    assert "a: 3 requests have no price" in asked.lines[1]
    assert "12.5 USD" in asked.lines[2]


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_a_month_is_closed_after_a_question(stub: Stub, console: Console, typed: str, code: int) -> None:
    stub.tell("POST periods/2026-10/close", {"month": "2026-10", "state": "closing"})

    asked = console("periods", "close", "2026-10", "--accept-unpriced", typed=typed)

    assert asked.code == code
    assert [call.body for call in stub.asked] == ([{"accept_unpriced": True}] if code == 0 else [])


def test_nobody_is_asked_in_a_pipe(stub: Stub, console: Console) -> None:
    assert console("periods", "close", "2026-10").code == 2
    stub.tell("POST periods/2026-10/close", {"month": "2026-10", "state": "closing"})
    assert console("periods", "close", "2026-10", "--yes").out == "2026-10 is closing.\n"


def test_what_stays_wrong_ends_with_1(stub: Stub, console: Console) -> None:
    wrong = {"team": "b", "is_clean": False, "events": 2, "entries": 1, "repaired": 0, "differences": [],
             "left": [{"problem": "event_without_entry", "count": 1}]}  # fmt: skip
    right = {"team": "a", "is_clean": True, "events": 2, "entries": 2, "repaired": 0, "differences": [], "left": []}
    stub.tell("POST reconciliation/run", {"data": [right], "left": 0})
    stub.tell("POST reconciliation/run", {"data": [right, wrong], "left": 2})

    good, bad = console("reconcile", "--month", "2026-10"), console("reconcile", "--month", "2026-10")

    assert (good.code, bad.code) == (0, 1)
    assert "event_without_entry (1)" in bad.out
    assert "2 more teams" in bad.err


def test_an_export_of_azures_costs_is_sent_as_it_is_and_compared(
    stub: Stub, console: Console, file: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = {"reason": "untagged", "amount": None, "unit": None}
    place = {"deployment": None, "account": "contoso", "azure_name": "gpt-4o"}
    sums = {"currency": "USD", "azure": "1.5", "ledger": "0", "residual": "1.5"}
    rows = [{**place, **sums, "percent": "100.00", "causes": [cause]}]
    stub.tell("POST reconciliation/azure-costs", {"data": [{"month": "2025-12"}]})
    stub.tell("GET reconciliation/azure-costs/2025-12", {"month": "2025-12", "rows": rows, "totals": [sums]})
    content = '"not JSON for the stub"'

    asked = console("reconcile", "--azure-costs", file(content, "costs.csv"))

    assert asked.code == 0
    assert stub.asked[0].headers["content-type"] == "text/csv"
    assert stub.asked[0].body == "not JSON for the stub"
    assert asked.lines[1].split() == [
        "2025-12",
        "-",
        "contoso",
        "/",
        "gpt-4o",
        "1.5",
        "0",
        "1.5",
        "100.00",
        "USD",
        "untagged",
    ]
    assert asked.lines[2].split() == ["2025-12", "TOTAL", "-", "1.5", "0", "1.5", "-", "USD"]
    assert console("reconcile", "--azure-costs", "/nowhere/at-all.csv").code == 2


def test_alerts_are_what_was_told_or_whether_it_arrived(stub: Stub, console: Console) -> None:
    at = "2026-03-10T12:00:00+00:00"
    stub.tell("GET notices?limit=50", {"data": [{"at": at, "severity": "warning", "title": "80 %"}], "next": None})
    stub.tell("GET deliveries?limit=50", {"data": [{"at": at, "channel": "ops", "state": "failed"}], "next": None})

    assert "80 %" in console("alerts").lines[1]
    assert "failed" in console("alerts", "--deliveries").lines[1]


def test_dead_letters_are_read_corrected_and_given_up(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    letter = {"queue": "alerts", "id": "7", "at": "2026-03-10T12:00:00Z", "reason": "no JSON", "text": "{"}
    stub.tell("GET dead-letters?limit=50", {"data": [letter], "next": None})
    stub.tell("GET dead-letters/alerts/7", letter)
    stub.tell("POST dead-letters/alerts/7/replay", None, 204)
    stub.tell("DELETE dead-letters/alerts/7", None, 204)

    listed, shown = console("dead-letters", "list"), console("dead-letters", "show", "alerts", "7")
    console("dead-letters", "replay", "alerts", "7")
    as_it_is = stub.last.body
    console("dead-letters", "replay", "alerts", "7", "-f", "-", piped='{"id": "x"}')
    corrected = stub.last.body
    refused = console("dead-letters", "discard", "alerts", "7", typed="\n")
    given_up = console("dead-letters", "discard", "alerts", "7", "--yes")

    assert listed.lines[1].split()[:2] == ["alerts", "7"]
    assert (shown.out, "no JSON" in shown.err) == ("{\n", True)
    assert (as_it_is, corrected) == ({}, {"body": '{"id": "x"}'})
    assert (refused.code, given_up.code, stub.last.method) == (2, 0, "DELETE")
    assert console("dead-letters", "replay", "alerts", "7", "-f", file("x") + "y").code == 2


def test_sessions_are_listed(stub: Stub, console: Console) -> None:
    session = {
        "start": "2026-03-10T12:00:00Z",
        "user": "ada",
        "label": "agentic",
        "calls": 12,
        "turns": 2,
        "cost": "0.5",
    }
    stub.tell("GET sessions?limit=50&team=a&from=2026-03-01", {"data": [session], "next": None})

    assert "agentic" in console("sessions", "--team", "a", "--from", "2026-03-01").lines[1]


def test_a_closed_month_shows_what_was_adjusted_since(stub: Stub, console: Console) -> None:
    entry = {"id": "adj_1", "posted_at": "2026-11-09T00:00:00Z", "cost": "-0.5", "currency": "USD", "reason": "Too much",
             "dimensions": {"team": "a"}}  # fmt: skip
    span = {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}
    stub.tell("GET periods/2026-10", {**PERIOD, **span, "adjustments": [entry], "more_adjustments": False})
    stub.tell(
        "GET costs?from=2026-10-01T00%3A00%3A00Z&to=2026-11-01T00%3A00%3A00Z&grain=total&group_by=",
        {"rows": [{"group": {}, "cost": "12", "currency": "USD"}]},
    )

    asked = console("periods", "show", "2026-10")

    assert asked.code == 0
    assert ["USD", "12.5", "-0.5", "12"] in [line.split() for line in asked.lines]
    assert asked.lines[-1].split()[2:] == ["adj_1", "a", "-0.5", "USD", "Too", "much"]
