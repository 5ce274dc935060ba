"""Reports from the command line: made, watched, fetched and verified."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.cli.console import Console
from tests.cli.stub import Stub


def run(state: str, percent: int, **more: object) -> dict[str, object]:
    return {
        "id": "run_1",
        "report": "monthly",
        "state": state,
        "percent": percent,
        "step": "reading",
        "files": [],
        **more,
    }


def test_a_report_is_waited_for(stub: Stub, console: Console) -> None:
    stub.tell("POST reports/runs", run("requested", 0), 202)
    stub.tell("GET reports/runs/run_1", run("running", 40))
    stub.tell("GET reports/runs/run_1", run("done", 100, files=["a.csv"]))

    asked = console("reports", "run", "monthly", "--from", "2026-10-01", "--to", "2026-11-01")

    assert (asked.code, asked.out, len(console.waits)) == (0, "run_1\n", 2)
    assert stub.asked[0].body == {"report": "monthly", "from": "2026-10-01", "to": "2026-11-01"}
    assert "a.csv" in asked.err


def test_a_report_of_a_month_is_asked_for_by_its_name(stub: Stub, console: Console) -> None:
    stub.tell("POST reports/runs", run("requested", 0), 202)

    assert console("reports", "run", "monthly", "--period", "2026-11", "--no-wait").code == 0
    assert stub.asked[0].body == {"report": "monthly", "period": "2026-11"}


def test_who_watches_a_terminal_sees_how_far_it_is(
    stub: Stub, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    stub.tell("POST reports/runs", run("running", 40), 202)
    stub.tell("GET reports/runs/run_1", run("done", 100))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    assert "[############..................]  40 %  reading" in console("reports", "run", "monthly").err


def test_a_report_that_fails_says_why(stub: Stub, console: Console) -> None:
    stub.tell("POST reports/runs", run("failed", 10, reason="It does not add up."), 202)

    asked = console("reports", "run", "monthly")

    assert (asked.code, asked.errors) == (1, ["error: The report failed: It does not add up."])


def test_nobody_has_to_wait(stub: Stub, console: Console) -> None:
    stub.tell("POST reports/runs", run("requested", 0), 202)

    assert console("reports", "run", "monthly", "--no-wait").out == "run_1\n"
    assert console.waits == []


AGAIN = {
    "run": "run_1",
    "result": "differs",
    "inputs": [{"team": "search", "month": "2026-11", "then": 4, "now": 5, "reason": "adjusted since"}],
    "changes": [{"what": "cost", "then": "9.05", "now": "9.01"}],
    "files": ["statement.csv"],
    "notes": ["No report monthly is configured any more."],
}


def test_a_report_that_is_no_longer_what_the_ledger_says_tells_what_differs(stub: Stub, console: Console) -> None:
    stub.tell("POST reports/runs/run_1/reproduce", run("requested", 0, id="run_1@again-1"), 202)
    stub.tell("GET reports/runs/run_1@again-1", run("done", 100, id="run_1@again-1", reproduces=AGAIN))

    asked = console("reports", "reproduce", "run_1")

    assert (asked.code, asked.errors) == (1, [])
    assert asked.lines == [
        "run_1@again-1: run_1 made again: differs",
        "  ledger of search, 2026-11: 4 postings then, 5 now (adjusted since)",
        "  cost: 9.05 then, 9.01 now",
        "  statement.csv differs",
        "  No report monthly is configured any more.",
    ]


def test_a_report_that_is_still_what_the_ledger_says_is_said_to_be_the_same(stub: Stub, console: Console) -> None:
    again = {"run": "run_1", "result": "same", "inputs": [], "changes": [], "files": [], "notes": []}
    stub.tell("POST reports/runs/run_1/reproduce", run("done", 100, id="run_1@again-2", reproduces=again), 202)

    plain, as_json = console("reports", "reproduce", "run_1"), console("reports", "reproduce", "run_1", "--json")

    assert (plain.code, plain.out) == (0, "run_1@again-2: run_1 made again: same\n")
    assert (as_json.code, json.loads(as_json.out)["reproduces"]["result"]) == (0, "same")


def test_scripts_get_the_whole_answer_and_the_exit_code(stub: Stub, console: Console) -> None:
    stub.tell("POST reports/runs/run_1/reproduce", run("done", 100, reproduces=AGAIN), 202)

    asked = console("reports", "reproduce", "run_1", "--json")

    assert (asked.code, json.loads(asked.out)["reproduces"]) == (1, AGAIN)


def test_nobody_has_to_wait_for_the_comparison(stub: Stub, console: Console) -> None:
    again = {**AGAIN, "result": None, "inputs": [], "changes": [], "files": [], "notes": []}
    stub.tell("POST reports/runs/run_1/reproduce", run("requested", 0, id="run_1@again-1", reproduces=again), 202)

    asked = console("reports", "reproduce", "run_1", "--no-wait")

    assert (asked.code, asked.out) == (0, "run_1@again-1: run_1 made again: not known yet\n")


def test_a_report_that_cannot_be_made_again_says_why(stub: Stub, console: Console) -> None:
    stub.problem("POST reports/runs/run_1/reproduce", 409, "Its manifest does not verify.")

    asked = console("reports", "reproduce", "run_1")

    assert (asked.code, asked.errors) == (1, ["error: Its manifest does not verify."])


def test_runs_are_listed(stub: Stub, console: Console) -> None:
    stub.tell("GET reports/runs?limit=20", {"data": [run("done", 100)], "next": None})

    assert console("reports", "list").lines[1].split()[:4] == ["run_1", "monthly", "-", "done"]


def test_files_are_written_side_by_side_and_nothing_is_overwritten(
    stub: Stub, console: Console, tmp_path: Path
) -> None:
    stub.tell("GET reports/runs/run_1", run("done", 100, files=["a.csv", "manifest.json"]))
    stub.tell("GET reports/runs/run_1/files/a.csv", b"team,cost\n")
    stub.tell("GET reports/runs/run_1/files/manifest.json", b"{}")
    folder = tmp_path / "report"

    first = console("reports", "download", "run_1", "-o", str(folder))
    second = console("reports", "download", "run_1", "-o", str(folder))

    assert (first.code, second.code) == (0, 2)
    assert (folder / "a.csv").read_bytes() == b"team,cost\n"


@pytest.mark.parametrize("name", ["../a.csv", "/etc/passwd", ".hidden", "a/b"])
def test_a_file_that_would_lie_elsewhere_is_not_written(
    stub: Stub, console: Console, tmp_path: Path, name: str
) -> None:
    stub.tell("GET reports/runs/run_1", run("done", 100, files=[name]))

    assert console("reports", "download", "run_1", "-o", str(tmp_path / "report")).code == 1
    assert not (tmp_path / "report").exists()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A report's folder as the gateway makes it."""
    (tmp_path / "a.csv").write_bytes(b"team,cost\n")
    content = {"run": "run_1", "outputs": [{"path": "a.csv", "bytes": 10, "sha256": _sha(b"team,cost\n")}], "to": "ü"}
    write(tmp_path, content)
    return tmp_path


def write(folder: Path, content: Any, key: Ed25519PrivateKey | None = None) -> str:
    key = key or Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    raw = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = {"public_key": base64.b64encode(public).decode(), "value": base64.b64encode(key.sign(raw)).decode()}
    (folder / "manifest.json").write_text(json.dumps({"manifest": content, "signature": signature}))
    return _sha(public)[:16]


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_report_that_is_whole_is_said_to_be_so_without_a_gateway_or_a_key(
    made: Path, console: Console, monkeypatch: pytest.MonkeyPatch, stub: Stub
) -> None:
    monkeypatch.delenv("TOLLGATE_KEY")

    asked = console("reports", "verify", str(made))

    assert asked.code == 0
    assert "1 files are what the manifest says" in asked.out
    assert "The signature is valid" in asked.out
    assert stub.asked == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda made: (made / "a.csv").write_bytes(b"team,profit\n"), "a.csv is not the file that was signed"),
        (lambda made: (made / "a.csv").unlink(), "a.csv is missing"),
        (lambda made: (made / "manifest.json").write_text("{}"), "it cannot be read"),
        (lambda made: (made / "manifest.json").write_text("[" * 100_000), "it cannot be read"),
        (lambda made: write(made, {"run": "x", "outputs": []}), "names no files"),
        (lambda made: write(made, {"run": "x", "outputs": [{"path": "../a.csv"}]}), "cannot be beside it"),
        (
            lambda made: (made / "manifest.json").write_text(
                (made / "manifest.json").read_text().replace("run_1", "run_2")
            ),
            "the signature does not belong to this manifest",
        ),
    ],
)
def test_whatever_was_changed_is_named(made: Path, console: Console, change: Any, problem: str) -> None:
    change(made)

    asked = console("reports", "verify", str(made))

    assert asked.code == 1
    assert problem in asked.err


def test_another_key_is_named(made: Path, console: Console) -> None:
    own = write(made, json.loads((made / "manifest.json").read_text())["manifest"])

    assert console("reports", "verify", str(made), "--key", own).code == 0
    assert f"signed with the key {own}, not with 00" in console("reports", "verify", str(made), "--key", "00").err


def test_without_cryptography_it_says_that_the_signature_was_not_checked(
    made: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)

    asked = console("reports", "verify", str(made))

    assert asked.code == 0
    assert "The signature was NOT checked" in asked.out


def test_a_folder_that_is_not_there_is_wrong_usage(console: Console, tmp_path: Path) -> None:
    assert console("reports", "verify", str(tmp_path / "nowhere")).code == 2


def test_what_the_gateway_signs_is_verified_here(console: Console, tmp_path: Path) -> None:
    """The client and the gateway write the canonical form each for itself."""
    from shared.finance.manifest import Input, Manifest, Output
    from shared.finance.signing import ReportSigner
    from shared.redaction import Secret

    (tmp_path / "a.csv").write_bytes(b"x")
    signer = ReportSigner(Secret("a secret of thirty-two characters"))
    manifest = Manifest(
        "run_1", "2026-11-01T00:00:00Z", {"name": "ä\u2028\"\\"}, {}, {"cost": "1.5"}, (Input("é", "2026-10", 1, 2, "d"),), "p", "c",
        (Output("a.csv", 1, _sha(b"x")),),
    )  # fmt: skip
    (tmp_path / "manifest.json").write_bytes(manifest.signed(signer))

    assert "The signature is valid" in console("reports", "verify", str(tmp_path)).out
