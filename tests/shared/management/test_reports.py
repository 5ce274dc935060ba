"""A report that is made again over the management API, to see whether it is still what the ledger says."""

from datetime import timedelta
from typing import Any

import pytest

from tests.shared.management.bookkeeping import NOON
from tests.shared.management.office import ADMIN_A, ADMIN_B, AUDITOR, DEV_A, Office


@pytest.fixture
async def march(furnished: Office) -> Office:
    furnished.clock.set(NOON + timedelta(hours=1))
    return furnished


async def made(march: Office, path: str = "reports/runs", body: Any = None) -> Any:
    """Ask for a run, work on it, and return what it came to."""
    asked = await march.call("POST", path, body)
    assert asked.status == 202, asked.raw
    run = asked.json["id"].replace("@", "|")
    await march.bookkeeping.making.work(run)
    return (await march.call("GET", f"reports/runs/{asked.json['id']}", by=AUDITOR)).json


async def december(march: Office) -> Any:
    return await made(march, body={"report": "monthly", "period": "2025-12"})


async def test_what_the_ledger_still_says_is_the_same_to_the_byte(march: Office) -> None:
    first = await december(march)
    march.clock.advance(86400)

    again = await made(march, f"reports/runs/{first['id']}/reproduce")

    assert (first["state"], first["reproduces"]) == ("done", None)
    assert (again["id"], again["state"], again["files"]) == (f"{first['id']}@again-1", "done", first["files"])
    assert again["reproduces"] == {
        "run": first["id"], "manifest_sha256": first["manifest_sha256"], "result": "same", "files": [], "inputs": [],
        "changes": [], "notes": [],
    }  # fmt: skip
    assert (await march.call("GET", f"reports/runs/{first['id']}")).json == first
    (audited, *_) = [entry for entry in await march.items("audit") if entry["action"] == "report.reproduce"]
    assert audited["target"] == f"reports/runs/{first['id']}"


async def test_after_a_credit_it_differs_and_tells_team_and_month(march: Office) -> None:
    first = await december(march)
    credit = {"team": "a", "at": "2025-12-05", "amount": "-0.5", "reason": "Too much", "idempotency_key": "credit-1"}
    assert (await march.call("POST", "adjustments", credit)).status == 200

    told = (await made(march, f"reports/runs/{first['id']}/reproduce"))["reproduces"]

    assert told["result"] == "differs"
    assert [(each["team"], each["month"], each["then"], each["now"]) for each in told["inputs"]] == [
        ("a", "2025-12", 1, 2)
    ]
    assert told["inputs"][0]["reason"] == "adjusted since; no usage was posted"
    assert {"what": "cost", "then": "1", "now": "0.5"} in told["changes"]
    assert "statement.csv" in told["files"]


async def test_asked_twice_it_is_one_run_on_the_queue_until_it_is_over(march: Office) -> None:
    first = await december(march)

    answers = [await march.call("POST", f"reports/runs/{first['id']}/reproduce") for _ in range(2)]

    assert [answer.json["id"] for answer in answers] == [f"{first['id']}@again-1"] * 2
    assert [answer.json["reproduces"]["result"] for answer in answers] == [None, None]


@pytest.mark.parametrize("by", [AUDITOR, ADMIN_A, ADMIN_B, DEV_A])
async def test_who_may_not_start_reports_may_not_have_them_made_again(march: Office, by: str) -> None:
    answers = [await march.call("POST", f"reports/runs/{run}/reproduce", by=by) for run in ("run_x", "run_none")]

    assert [answer.status for answer in answers] == [403, 403]
    assert await march.bookkeeping.runs.get("run_x|again-1") is None
    assert march.bookkeeping.events.sent == []


async def test_a_manifest_that_was_tampered_with_is_refused_and_the_attempt_audited(march: Office) -> None:
    kept = march.bookkeeping.files.kept
    path = "2025-12/monthly/run_x/1/manifest.json"
    kept[path] = kept[path].replace(b"statement.csv", b"statement.tsv")

    answer = await march.call("POST", "reports/runs/run_x/reproduce")

    assert (answer.status, "it was changed since" in answer.json["detail"]) == (409, True)
    assert march.bookkeeping.events.sent == []
    assert "report.reproduce" in [entry["action"] for entry in await march.items("audit")]


async def test_a_run_that_is_not_there_or_not_done_cannot_be_made_again(march: Office) -> None:
    waiting = (await march.call("POST", "reports/runs", {"report": "monthly"})).json

    unknown = await march.call("POST", "reports/runs/run_none/reproduce")
    early = await march.call("POST", f"reports/runs/{waiting['id']}/reproduce")

    assert (unknown.status, early.status) == (404, 409)


async def test_a_storage_that_is_away_is_told_as_such(march: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.finance.ports import StorageUnavailable

    async def away(path: str) -> bytes | None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(march.bookkeeping.files, "read", away)

    assert (await march.call("POST", "reports/runs/run_x/reproduce")).status == 503
