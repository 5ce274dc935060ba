"""Files are shown as changes first, then applied; what is wrong with them is told with file, line and field."""

from collections.abc import Callable

import pytest

from tests.cli.console import Console
from tests.cli.stub import Stub

FILE = """\
version: 1
deployments: []
areas:
  - id: retail
teams:
  - id: search
    area: retail
keys:
  - id: vk_demo
    owner: teams/search
    secret_ref: env:TOLLGATE_DEMO_KEY
  - id: vk_new
    owner: teams/search
budgets:
  - id: bud_search
    scope: teams/search
    amount: 10.10
"""
CREATE = {"action": "create", "address": "teams/search", "before": None, "after": {"id": "search", "models": ["*"]}}
UPDATE = {
    "action": "update",
    "address": "budgets/bud_1",
    "before": {"amount": "10", "name": "Old", "thresholds": [{"percent": 50}, {"percent": 80}]},
    "after": {"amount": "20", "mode": "shadow", "thresholds": [{"percent": 50}, {"percent": 90}]},
}
DELETE = {"action": "delete", "address": "keys/vk_old", "before": {"id": "vk_old"}, "after": None}


def answer(*changes: object, applied: bool = False, **more: object) -> dict[str, object]:
    return {"changes": list(changes), "applied": applied, "batches": 1, "stopped_by": None, "secrets": {}} | more


def test_the_changes_are_shown_and_made_once_a_person_agrees(
    stub: Stub, console: Console, file: Callable[..., str]
) -> None:
    stub.tell("POST apply", answer(CREATE, UPDATE, DELETE))
    stub.tell("POST apply", answer(CREATE, UPDATE, DELETE, applied=True))

    applied = console("apply", "-f", file(FILE), "--prune", typed="y\n")

    assert applied.code == 0
    assert applied.out == (
        "+ teams/search\n"
        '    id: "search"\n'
        '    models: ["*"]\n'
        "~ budgets/bud_1\n"
        '    amount: "10" → "20"\n'
        '    name: "Old" → (unset)\n'
        "    thresholds[1].percent: 80 → 90\n"
        '    mode: (unset) → "shadow"\n'
        "- keys/vk_old\n"
        "1 to create, 1 to update, 1 to delete.\n"
        "1 created, 1 updated, 1 deleted.\n"
    )
    assert [asked.body["dry_run"] for asked in stub.asked] == [True, False]
    assert stub.last.body["prune"] is True


def test_what_is_sent_is_what_the_file_says_without_what_only_the_start_reads(
    stub: Stub, console: Console, file: Callable[..., str]
) -> None:
    stub.tell("POST apply", answer())
    path = file(FILE)

    applied = console("apply", "-f", path)

    assert (applied.code, applied.out) == (0, "No changes.\n")
    assert stub.last.body["resources"] == {
        "areas": [{"id": "retail"}],
        "teams": [{"id": "search", "area": "retail"}],
        "keys": [{"id": "vk_new", "owner": "teams/search"}],
        "budgets": [{"id": "bud_search", "scope": "teams/search", "amount": "10.10"}],
    }
    assert applied.err == (
        f"note: {path}: version, deployments: read at the start, not applied\n"
        f"note: {path}:9: keys[0]: has a secret_ref: belongs to the start configuration, not applied\n"
    )


def test_a_dry_run_with_differences_has_a_code_of_its_own(
    stub: Stub, console: Console, file: Callable[..., str]
) -> None:
    stub.tell("POST apply", answer(CREATE))

    applied = console("apply", "-f", file(FILE), "--dry-run")

    assert applied.code == 3
    assert len(stub.asked) == 1


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_nothing_is_made_without_a_yes(stub: Stub, console: Console, file: Callable[..., str], typed: str) -> None:
    stub.tell("POST apply", answer(CREATE))

    applied = console("apply", "-f", file(FILE), typed=typed)

    assert applied.code == 1
    assert applied.err.endswith("error: Nothing was applied.\n")
    assert len(stub.asked) == 1


def test_where_nobody_can_be_asked_a_yes_is_needed(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    stub.tell("POST apply", answer(CREATE))

    applied = console("apply", "-f", file(FILE))

    assert applied.code == 2
    assert "--yes: is needed" in applied.err
    assert len(stub.asked) == 1


def test_the_secrets_of_new_keys_are_shown_once(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    stub.tell("POST apply", answer(CREATE))
    stub.tell("POST apply", answer(CREATE, applied=True, secrets={"vk_new": "sk-new"}))

    applied = console("apply", "-f", file(FILE), "--yes")

    assert "vk_new: sk-new\n" in applied.out
    assert "not shown again" in applied.err


def test_what_was_made_before_something_stopped_it_is_told_with_its_secrets(
    stub: Stub, console: Console, file: Callable[..., str]
) -> None:
    stub.tell("POST apply", answer(CREATE, DELETE))
    stub.tell("POST apply", answer(CREATE, stopped_by="The store is away.", secrets={"vk_new": "sk-new"}))

    applied = console("apply", "-f", file(FILE), "--yes")

    assert applied.code == 1
    assert "vk_new: sk-new" in applied.out
    assert "1 created, 0 updated, 0 deleted." in applied.out
    assert applied.errors == ["error: The rest was not made: The store is away. Apply again to go on."]


def test_a_change_by_somebody_else_meanwhile_is_told(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    stub.tell("POST apply", answer(CREATE))
    stub.tell("POST apply", answer(UPDATE, applied=True))

    applied = console("apply", "-f", file(FILE), "--yes")

    assert applied.code == 0
    assert "somebody else changed" in applied.err
    assert applied.out.endswith("0 created, 1 updated, 0 deleted.\n")


def test_what_is_made_is_bound_to_what_was_shown(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    stub.tell("POST apply", answer(CREATE, fingerprint="f1"))
    stub.problem("POST apply", 409, "Other changes would be made than were shown.")

    applied = console("apply", "-f", file(FILE), "--yes")

    assert [asked.body.get("expect") for asked in stub.asked] == [None, "f1"]
    assert (applied.code, applied.errors) == (1, ["error: Other changes would be made than were shown."])


@pytest.mark.parametrize(("keys", "kept"), [("", ["keys"]), ("  - id: vk_b\n    owner: teams/a\n", None)])
def test_pruning_spares_keys_where_all_in_the_file_belong_to_the_start(
    stub: Stub, console: Console, file: Callable[..., str], keys: str, kept: list[str] | None
) -> None:
    stub.tell("POST apply", answer())
    started = "keys:\n  - id: vk_a\n    owner: teams/a\n    secret_ref: env:A\n"

    console("apply", "-f", file(f"teams:\n  - id: a\n{started}{keys}"), "--prune", "--yes")

    assert stub.last.body.get("keep") == kept
    assert ("keys" in stub.last.body["resources"]) is bool(keys)


def test_several_files_are_one_and_a_refusal_leads_to_the_right_one(
    stub: Stub, console: Console, file: Callable[..., str]
) -> None:
    first, second = (
        file("teams:\n  - id: a\n", "a.yaml"),
        file("teams:\n  - id: b\n\n  - id: c\n    area: x\n", "b.yaml"),
    )
    stub.problem(
        *("POST apply", 422, "…", ("resources.teams[2].area", "there is no areas/x")),
        *[("resources.teams[1].id", "must be shorter"), ("resources.teams[0].nmae.x", "is not a known field")],
    )

    applied = console("apply", "-f", first, "-f", second, "--dry-run")

    assert applied.code == 1
    assert applied.errors == [
        f"error: {second}:5: teams[1].area: there is no areas/x",
        f"error: {second}:2: teams[0].id: must be shorter",
        f"error: {first}:2: teams[0].nmae.x: is not a known field",
    ]


def test_a_refusal_of_the_whole_is_told_as_it_is(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    stub.problem("POST apply", 409, "keys/vk_1 is the key that you are calling with.")

    applied = console("apply", "-f", file(FILE), "--yes")

    assert applied.errors == ["error: keys/vk_1 is the key that you are calling with."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("teams: []\nteamz: []\n", ":2: teamz: is not a known section; there are organization, areas"),
        ("teams:\n  id: a\n", ":1: teams: must be a list"),
        ("teams:\n", ":1: teams: must be a list"),
        ("teams: []\nteams: []\n", ":2: teams: is written twice"),
        ("teams:\n  - id: a\n    id: b\n", ":3: teams[0].id: is written twice"),
        ("teams:\n  - ? [a]\n    : b\n", ":2: teams[0].?: has a list or a mapping where a field's name should be"),
        ("teams: &all\n  - *all\n", ":1: teams[0]: contains itself"),
        ("teams:\n  - id: !!int x\n", ":2: teams[0].id: cannot be read as what its tag says"),
        ("teams:\n  - id: !!binary aGk=\n", ":2: teams[0].id: must be text, a number, true or false"),
        ("teams:\n  - id: !mine x\n", ":2: teams[0].id: cannot be read as what its tag says"),
        ("- a\n", ":1: must be a mapping"),
        ("", ":1: must be a mapping"),
        ("teams: [\n", "yaml: "),
        ("teams: *sesame\n", ":1: yaml: found undefined alias"),
        ("a: 1\n---\nb: 2\n", ":2: yaml: "),
        ("teams: " + "[" * 5000, "is nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_nothing_is_sent(
    stub: Stub, console: Console, file: Callable[..., str], text: str, said: str
) -> None:
    applied = console("apply", "-f", file(text), "--yes")

    assert applied.code == 2
    assert said in applied.err
    assert "sesame" not in applied.err
    assert stub.asked == []


def test_a_second_organization_is_one_too_many(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    first, second = file("organization: {name: A}", "a.yaml"), file("organization: {name: B}", "b.yaml")

    applied = console("apply", "-f", first, "-f", second)

    assert applied.errors == [f"error: {second}:1: organization: is in another file already"]


def test_a_file_that_is_not_there_is_told(console: Console) -> None:
    applied = console("apply", "-f", "none.yaml")

    assert (applied.code, applied.errors) == (2, ["error: none.yaml: cannot be read: No such file or directory"])


def test_a_file_without_resources_does_not_prune_everything(
    stub: Stub, console: Console, file: Callable[..., str]
) -> None:
    applied = console("apply", "-f", file("version: 1\n"), "--prune", "--yes")

    assert applied.code == 2
    assert "would delete everything" in applied.err
    assert stub.asked == []


def test_an_answer_that_got_lost_says_that_the_changes_may_be_made(
    stub: Stub, console: Console, file: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.tell("POST apply", answer(CREATE))
    stub.tell("POST apply", b"", content_length="10")

    applied = console("apply", "-f", file(FILE), "--yes")

    assert applied.code == 1
    assert "Whether the changes were made is not known" in applied.err


def test_only_the_dry_run_is_sent_again(stub: Stub, console: Console, file: Callable[..., str]) -> None:
    stub.problem("POST apply", 503, "The store is away.")
    stub.tell("POST apply", answer(CREATE))
    stub.problem("POST apply", 503, "The store is away.")

    applied = console("apply", "-f", file(FILE), "--yes")

    assert applied.code == 1
    assert [asked.body["dry_run"] for asked in stub.asked] == [True, True, False]
