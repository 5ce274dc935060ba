"""The command line against the management API itself."""

import json
from collections.abc import Callable, Iterator

import pytest

from shared.directory.model import Role
from tests.cli.console import OPERATORS_KEY, Console
from tests.cli.served import Served
from tests.shared.management.office import Office, caller

FILE = """\
organization: { name: Contoso, cost_center: "1000" }
areas:
  - { id: retail, name: Retail }
teams:
  - { id: search, area: retail, models: ["gpt-4o*"] }
applications:
  - { id: crawler, team: search }
users:
  - { id: ada@example.com, team: search, name: "Ada: the first\u2028\U0001f600" }
keys:
  - { id: vk_nightly, owner: teams/search/applications/crawler, expires_at: 2999-01-31T00:00:00Z, cidrs: [10.0.0.0/8] }
policies:
  - { id: pol_search, scope: teams/search, max_concurrency: 3, rate_limits: [{ unit: tokens, limit: 5000 }] }
budgets:
  - { id: bud_search, scope: teams/search, amount: 10.10, time_zone: Europe/Berlin }
"""


@pytest.fixture
def office() -> Office:
    office = Office()
    office.people.known[OPERATORS_KEY] = caller("operator", Role.PLATFORM_ADMIN, "teams/platform")
    return office


@pytest.fixture
def console(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Console]:
    with Served(office) as served:
        console = Console(served.url, monkeypatch, capsys)
        yield console
        assert OPERATORS_KEY not in console.everything


@pytest.fixture
def applied(console: Console, file: Callable[..., str]) -> str:
    """The name of a file that has been applied."""
    path = file(FILE)
    assert console("apply", "-f", path, "--yes").code == 0
    return path


def test_a_key_is_made_listed_rotated_switched_off_and_deleted(console: Console, applied: str) -> None:
    minted = json.loads(console("keys", "mint", "--team", "search", "--name", "Mine", "--expires", "90d", "--json").out)
    id, secret = minted["id"], minted["secret"]

    assert any(id in line and "active" in line for line in console("keys", "list", "--team", "search").lines)
    rotated = console("keys", "rotate", id, "--grace", "1h").out.strip()
    assert rotated.startswith("sk-")
    assert rotated != secret
    assert "disabled" in console("keys", "disable", id).lines[-1]
    assert "active" in console("keys", "enable", id).lines[-1]
    shown = console("keys", "show", id)
    assert secret not in shown.out
    assert rotated not in shown.out
    assert console("keys", "delete", id).code == 0
    assert console("keys", "show", id).errors == [f"error: There is no keys/{id}."]


def test_a_file_is_shown_applied_and_then_has_nothing_to_change(console: Console, file: Callable[..., str]) -> None:
    path = file(FILE)

    shown = console("apply", "-f", path, "--dry-run")
    made = console("apply", "-f", path, typed="y\n")
    again = console("apply", "-f", path, "--dry-run")

    assert (shown.code, made.code, again.code) == (3, 0, 0)
    assert "+ teams/search/users/ada@example.com" in shown.lines
    assert "8 to create, 0 to update, 0 to delete." in shown.lines
    assert any(line.startswith("vk_nightly: sk-") for line in made.lines)
    assert made.lines[-1] == "8 created, 0 updated, 0 deleted."
    assert again.out == "No changes.\n"


def test_a_change_shows_the_old_and_the_new(console: Console, applied: str, file: Callable[..., str]) -> None:
    changed = FILE.replace("10.10", "20").replace("limit: 5000", "limit: 6000")

    made = console("apply", "-f", file(changed), "--yes")

    assert made.code == 0
    assert '    amount: "10.1" → "20"' in made.lines
    assert "    rate_limits[0].limit: 5000 → 6000" in made.lines
    assert "20" in console("budgets", "status", "bud_search").lines[1].split()


def test_pruning_deletes_what_the_file_does_not_have(console: Console, applied: str, file: Callable[..., str]) -> None:
    shorter = file(FILE.split("policies:")[0])

    assert console("apply", "-f", shorter).out == "No changes.\n"
    pruned = console("apply", "-f", shorter, "--prune", "--yes")

    assert pruned.code == 0
    assert pruned.lines[:2] == ["- budgets/bud_search", "- policies/pol_search"]
    assert console("apply", "-f", shorter, "--prune").out == "No changes.\n"


def test_pruning_by_the_file_that_the_gateway_starts_with_leaves_the_keys_alone(
    console: Console, applied: str, file: Callable[..., str]
) -> None:
    before, rest = FILE.split("keys:\n")
    after = rest.split("\n", 1)[1]
    started = "keys:\n  - { id: vk_start, owner: teams/search, secret_ref: env:KEY }\n"

    pruned = console("apply", "-f", file(before + started + after), "--prune", "--yes")

    assert (pruned.code, pruned.out) == (0, "No changes.\n")
    assert console("keys", "show", "vk_nightly").code == 0


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_what_is_exported_can_be_applied_and_changes_nothing(console: Console, applied: str, format: str) -> None:
    exported = console("export", "--format", format)

    again = console("apply", "-f", "-", "--prune", "--yes", piped=exported.out)

    assert exported.code == 0
    assert (again.code, again.out) == (0, "No changes.\n")


def test_an_export_to_a_file_moves_everything_to_an_empty_gateway(
    console: Console, applied: str, file: Callable[..., str]
) -> None:
    path = file("", "export.yaml")
    assert console("export", "-o", path).out == ""
    empty = file("areas: []\n", "empty.yaml")
    assert console("apply", "-f", empty, "--prune", "--yes").code == 0

    made = console("apply", "-f", path, "--yes")

    assert made.code == 0
    assert made.lines[-1] == "7 created, 0 updated, 0 deleted."


def test_a_mistake_in_a_file_is_told_with_its_line(console: Console, file: Callable[..., str]) -> None:
    path = file("teams:\n  - id: search\n    area: nowhere\n  - id: b\n    colour: red\n")

    assert console("apply", "-f", path).errors == [f"error: {path}:5: teams[1].colour: is not a known field"]
    fixed = file("teams:\n  - id: search\n    area: nowhere\n  - name: b\n    id: b\n")
    assert console("apply", "-f", fixed).errors == [f"error: {path}:3: teams[0].area: there is no areas/nowhere"]


def test_what_the_start_configuration_defines_is_told_with_its_line(console: Console, file: Callable[..., str]) -> None:
    path = file("areas:\n  - id: filed\n    name: Mine\n")

    assert console("apply", "-f", path).errors == [
        f"error: {path}:2: areas[0]: is defined in the configuration file; change it there"
    ]


def test_questions_are_answered(console: Console, applied: str) -> None:
    assert "platform_admin" in console("whoami").out
    effective = console("policy", "effective", "--key", "vk_nightly")
    assert effective.err == "What applies to vk_nightly, of teams/search/applications/crawler:\n"
    assert len(effective.lines) > 1
    assert console("explain", "--model", "gpt-4o", "--endpoint", "chat.completions").code == 0
    assert len(console("audit", "--limit", "3").lines) == 4
    assert console("audit", "--target", "teams/search").lines[1].split()[-1] == "teams/search"
    assert console("audit", "--verify").out == "The chain of 8 entries is whole.\n"


def test_a_caller_without_the_right_is_refused(
    office: Office, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.people.known["sk-developer"] = caller("dev", Role.DEVELOPER, "teams/search")
    monkeypatch.setenv("TOLLGATE_KEY", "sk-developer")

    listed = console("keys", "list")

    assert listed.code == 1
    assert "Your role, developer, does not allow this." in listed.err


def test_an_unknown_key_is_refused_without_being_repeated(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_KEY", "sk-unknown-and-not-to-be-seen")

    asked = console("whoami")

    assert asked.code == 1
    assert asked.errors
    assert "not-to-be-seen" not in asked.err
