"""The commands that look and change nothing."""

import json

from tests.cli.console import Console
from tests.cli.stub import Stub

STATUS = {
    "budget": "bud_1", "scope": "teams/a", "mode": "enforce", "amount": "100", "spent": "12.5", "reserved": "0",
    "remaining": "87.5", "percent": 12, "projected": None, "period_start": "2026-01-01T00:00:00+01:00",
    "period_end": "2026-02-01T00:00:00+01:00", "thresholds": [],
}  # fmt: skip


def test_the_rules_of_a_key_are_listed_with_where_they_come_from(stub: Stub, console: Console) -> None:
    rule = {"rule": "models", "value": ["gpt-*"], "level": "teams/a", "source": "policies/pol_1", "mode": "enforce"}
    stub.tell(
        "GET effective-policy?key=vk_1", {"key": "vk_1", "owner": "teams/a", "rules": [{**rule, "in_force": True}]}
    )

    asked = console("policy", "effective", "--key", "vk_1")

    assert (asked.code, asked.err) == (0, "What applies to vk_1, of teams/a:\n")
    assert asked.lines[1].split() == ["models", '["gpt-*"]', "teams/a", "policies/pol_1", "enforce", "yes"]


def test_a_call_that_would_pass_is_explained(stub: Stub, console: Console) -> None:
    stub.tell("POST explain", {"allowed": True, "model": "gpt-4o-mini", "reasons": []})

    asked = console(
        *("explain", "--model", "gpt-4o", "--endpoint", "chat.completions", "--prompt-tokens", "12", "--key", "vk_1")
    )

    assert asked.code == 0
    assert asked.lines[0] == "allowed, answered by gpt-4o-mini"
    assert stub.last.body == {
        "key": "vk_1",
        "model": "gpt-4o",
        "endpoint": "chat.completions",
        "prompt_tokens": 12,
    }


def test_a_call_that_would_be_refused_is_explained_with_code_1(stub: Stub, console: Console) -> None:
    reason = {"rule": "budget", "level": "teams/a", "source": "budgets/bud_1", "mode": "enforce", "outcome": "refuses"}
    refused = {"allowed": False, "status": 429, "code": "budget_exhausted", "reasons": [{**reason, "detail": "spent"}]}
    stub.tell("POST explain", refused)

    asked = console("explain", "--model", "gpt-4o", "--endpoint", "chat.completions")

    assert asked.code == 1
    assert asked.lines[0] == "refused: 429 budget_exhausted"
    assert asked.lines[2].split()[:4] == ["budget", "refuses", "teams/a", "budgets/bud_1"]
    assert json.loads(console("explain", "--model", "m", "--endpoint", "e", "--json").out) == refused


def test_budgets_are_a_table_of_what_is_spent(stub: Stub, console: Console) -> None:
    stub.tell("GET budgets?limit=200", {"data": [{"id": "bud_1", "period": "month"}], "next": None})
    stub.tell("GET budgets/bud_1/status", STATUS)

    asked = console("budgets", "status")

    assert asked.lines[0].split() == ["BUDGET", "SCOPE", "PERIOD", "SPENT", "OF", "%", "RESETS", "MODE"]
    assert asked.lines[1].split() == [
        *("bud_1", "teams/a", "month", "12.5", "100", "12", "2026-01-31", "23:00:00Z", "enforce")
    ]


def test_one_budget_can_be_asked_for(stub: Stub, console: Console) -> None:
    stub.tell("GET budgets/bud_1", {"id": "bud_1", "period": "month"})
    stub.tell("GET budgets/bud_1/status", STATUS)

    assert json.loads(console("budgets", "status", "bud_1", "--json").out) == [{"period": "month", **STATUS}]


def test_changes_are_listed_newest_first_up_to_a_number(stub: Stub, console: Console) -> None:
    entry = {"seq": 7, "at": "2026-01-01T00:00:00Z", "action": "key.create", "target": "keys/vk_1"}
    entries = [{**entry, "actor": {"id": "ada", "kind": "entra"}}, {**entry, "seq": 6, "actor": None}]
    stub.tell("GET audit?limit=2&target=keys%2Fvk_1", {"data": entries, "next": "more"})

    asked = console("audit", "--target", "keys/vk_1", "--limit", "2")

    assert asked.lines[1].split() == ["7", "2026-01-01", "00:00:00Z", "entra", "ada", "key.create", "keys/vk_1"]
    assert len(asked.lines) == 3
    assert len(stub.asked) == 1


def test_a_whole_chain_of_changes_is_confirmed(stub: Stub, console: Console) -> None:
    stub.tell("GET audit/verify", {"ok": True, "entries": 12, "first_broken": None})

    asked = console("audit", "--verify")

    assert (asked.code, asked.out) == (0, "The chain of 12 entries is whole.\n")


def test_a_broken_chain_of_changes_is_a_failure(stub: Stub, console: Console) -> None:
    stub.tell("GET audit/verify", {"ok": False, "entries": 12, "first_broken": 5})

    asked = console("audit", "--verify")

    assert asked.code == 1
    assert "entry 5" in asked.err


def test_a_resource_that_was_changed_past_the_log_is_a_failure(stub: Stub, console: Console) -> None:
    stub.tell("GET audit/verify", {"ok": False, "entries": 12, "first_broken": None, "first_difference": "teams/a"})

    asked = console("audit", "--verify")

    assert asked.code == 1
    assert "teams/a is not as the log says" in asked.err
