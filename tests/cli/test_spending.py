"""The commands that tell and correct what was spent."""

import json

from tests.cli.console import Console
from tests.cli.stub import Stub

FRAME = {
    "from": "2026-03-01T00:00:00+00:00", "to": "2026-04-01T00:00:00+00:00", "coverage": {"posted_through": "2026-03-10T12:00:00+00:00"},
}  # fmt: skip


def row(team: str, cost: str | None, **more: object) -> dict[str, object]:
    return {"group": {"team": team}, "cost": cost, "currency": "USD", "requests": 3, "unpriced": 0, **more}


def test_costs_are_a_table_that_says_what_it_stands_on(stub: Stub, console: Console) -> None:
    stub.tell(
        "GET costs?from=2026-03-01&to=2026-04-01&model=gpt-4o&grain=total&group_by=team",
        {**FRAME, "rows": [row("a", "12.5"), row("b", None)]},
    )

    asked = console("costs", "--from", "2026-03-01", "--to", "2026-04-01", "--model", "gpt-4o")

    assert asked.code == 0
    assert [line.split() for line in asked.lines[1:]] == [
        ["a", "12.5", "USD", "3", "0"],
        ["b", "no", "price", "yet", "USD", "3", "0"],
        ["total", "12.5", "USD", "6", "0"],
    ]
    assert "posted through 2026-03-10 12:00:00Z" in asked.err


def test_costs_of_an_empty_ledger_say_that_nothing_was_posted(stub: Stub, console: Console) -> None:
    stub.tell("GET costs?grain=total&group_by=team", {**FRAME, "rows": [], "coverage": {"posted_through": None}})

    assert console("costs").err.rstrip().endswith("; nothing was posted yet.")


def test_costs_by_day_show_the_day(stub: Stub, console: Console) -> None:
    found = {**FRAME, "rows": [row("a", "1", start="2026-03-01T00:00:00+01:00")]}
    stub.tell("GET costs?grain=day&group_by=team%2Cmodel", found)

    asked = console("costs", "--grain", "day", "--by", "team,model")

    assert asked.lines[1].startswith("2026-02-28 23:00:00Z  a")
    assert json.loads(console("costs", "--grain", "day", "--by", "team,model", "--json").out) == found


def test_entries_are_listed_up_to_a_number(stub: Stub, console: Console) -> None:
    entry = {
        "at": "2026-03-10T12:00:00+00:00", "id": "led_1", "cost": "0.1", "currency": "USD", "reason": None,
        "dimensions": {"type": "usage", "team": "a"},
    }  # fmt: skip
    stub.tell("GET entries?limit=1&team=a", {"data": [entry], "next": "more"})

    asked = console("entries", "--team", "a", "--limit", "1")

    assert asked.lines[1].split()[2:6] == ["led_1", "usage", "a", "-"]


def test_calls_that_go_on_are_told_whichever_row_settles_them(stub: Stub, console: Console) -> None:
    rows = [row("a", "0", pending=3), row("b", "2", pending=-1)]
    stub.tell("GET costs?grain=total&group_by=team", {**FRAME, "rows": rows})
    stub.tell(
        "GET costs?grain=total&group_by=model", {**FRAME, "rows": [row("a", "0", pending=1), row("b", "2", pending=-1)]}
    )
    stub.tell("GET costs?grain=total&group_by=tag", {**FRAME, "rows": rows})

    assert "2 calls are not settled yet" in console("costs", "--by", "team").err
    for by in ("model", "tag"):
        assert "settled" not in console("costs", "--by", by).err


def test_an_entry_of_what_goes_on_has_no_cost_yet(stub: Stub, console: Console) -> None:
    entry = {
        "at": "2026-03-10T12:00:00+00:00",
        "id": "led_1",
        "currency": "USD",
        "dimensions": {"type": "usage", "team": "a"},
    }
    listed = [{**entry, "cost": None, "sums": {"pending": 1}}, {**entry, "cost": None, "sums": {"requests": 1}}]
    stub.tell("GET entries?limit=3", {"data": [*listed, {**entry, "cost": "0", "sums": {"pending": -1}}], "next": None})

    running, unpriced, free = console("entries", "--limit", "3").lines[1:]

    assert "not settled yet" in running
    assert "no price yet" in unpriced
    assert free.split()[-3:-1] == ["0", "USD"]


def test_a_credit_is_posted_once_under_a_key_that_is_told(stub: Stub, console: Console) -> None:
    stub.tell("POST adjustments", {"id": "adj_hand_1", "cost": "-12.5", "currency": "USD"})

    asked = console(
        *(
            "adjust",
            "--team",
            "a",
            "--at",
            "2026-03-01",
            "--amount",
            "-12.50",
            "--reason",
            "Billed twice",
            "--model",
            "o3",
        )
    )

    assert asked.out == "adj_hand_1  -12.5 USD\n"
    key = stub.last.body.pop("idempotency_key")
    assert key in asked.err
    assert stub.last.body == {
        "team": "a", "at": "2026-03-01", "amount": "-12.50", "reason": "Billed twice", "model": "o3",
    }  # fmt: skip
    console(
        "adjust", "--team", "a", "--at", "2026-03-01", "--amount", "1", "--reason", "x", "--idempotency-key", "once"
    )
    assert stub.last.body["idempotency_key"] == "once"


def test_an_amount_that_is_none_is_wrong_usage(stub: Stub, console: Console) -> None:
    for amount in ("1e9", "ten", "1.", "NaN", "1,5"):
        assert console("adjust", "--team", "a", "--at", "x", "--amount", amount, "--reason", "x").code == 2
    assert stub.asked == []


def test_what_had_no_price_is_priced_again(stub: Stub, console: Console) -> None:
    stub.tell("POST rerate", {"looked_at": 3, "adjusted": 2, "cost": "1.5", "unpriced": 1})

    asked = console("rerate", "--from", "2026-03-01", "--to", "2026-04-01")

    assert stub.last.body == {"from": "2026-03-01", "to": "2026-04-01"}
    assert "adjusted   2" in asked.out
