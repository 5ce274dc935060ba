"""Is a report still what the ledger says, to the byte?"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
import pytest

from shared.documents import StoreUnavailable
from shared.finance.building import Origin
from shared.finance.manifest import NAME, canonical, verify
from shared.finance.model import Format, ReportConfig, ReportKind, Schedule
from shared.finance.ports import GivenNames, StorageUnavailable
from shared.finance.pulse import LEASE
from shared.finance.report import ReportRefused
from shared.finance.reproduction import MOST_INPUTS, Moved, Reproduction, compared
from shared.finance.runs import ReportRuns
from shared.finance.schedule import holding
from shared.finance.service import ReportService
from shared.finance.signing import ReportSigner, key_id
from shared.finance.store import Run, RunState, RunStore
from shared.ledger.model import EntryType
from shared.redaction import Secret
from tests.shared.finance import test_runs
from tests.shared.finance.books import NOVEMBER, entry, month
from tests.shared.finance.made import ORIGIN
from tests.shared.finance.test_service import SIGNER
from tests.shared.watched_documents import Dying, port

BILL = ReportConfig(name="bill", kind=ReportKind.CHARGEBACK)
OTHER = ReportSigner(Secret("another secret that is long enough too"))


class Office(test_runs.Office):
    """An office in which names, prices, code and the signing key can change."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, str] = {"teams/search": "Search", "teams/sales": "=1+1"}
        self.origin, self.signer, self.time_zone = ORIGIN, SIGNER, "UTC"

    def runs(self, documents: Any = None, every_s: float = 60) -> ReportRuns:
        service = ReportService(
            self.ledger, self.books, self.storage, self._signer, lambda: self.origin, GivenNames(self.names)
        )
        store = RunStore(documents or self.documents)
        return ReportRuns(store, service, self.books, self.clock, time_zone=self.time_zone, every_s=every_s)

    async def _signer(self) -> ReportSigner:
        return self.signer

    async def made(self, definition: ReportConfig = BILL) -> Run:
        run = await self.worked((await self.runs().request(definition, month(), "ada")).id)
        assert run.state is RunState.DONE
        self.clock.advance(3 * 86400)
        return run

    async def worked(self, id: str) -> Run:
        run = await self.runs().work(id)
        assert run is not None
        return run

    async def again(self, first: Run, configured: ReportConfig | None = BILL) -> Run:
        return await self.worked((await self.runs().reproduce(first, configured, "eve")).id)

    async def outcome(self, first: Run, configured: ReportConfig | None = BILL) -> Reproduction:
        run = await self.again(first, configured)
        assert (run.state, run.reason) == (RunState.DONE, None)
        assert run.reproduces is not None
        return run.reproduces

    def files(self, run: Run) -> dict[str, bytes]:
        return {name: self.storage.files[f"{run.folder}/{name}"] for name in run.files if name != NAME}

    def adjust(self, id: str = "adj", **given: Any) -> None:
        self.ledger.post(entry(id, -40, type=EntryType.ADJUSTMENT, sums={}, lines={"input_fresh": -40}, **given))

    async def rewrite(self, run: Run, members: Mapping[str, Any]) -> Run:
        """Sign another manifest in place of a run's, as a version of the code that is not this one could have."""
        path = f"{run.folder}/{NAME}"
        document = orjson.loads(self.storage.files[path])
        content = document["manifest"] | dict(members)
        signature = document["signature"] | resigned(content, SIGNER)
        raw = canonical({"manifest": content, "signature": signature})
        self.storage.files[path] = raw
        return await RunStore(self.documents).save(replace(run, manifest_sha256=sha256(raw).hexdigest()))


def resigned(content: Mapping[str, Any], signer: ReportSigner) -> dict[str, str]:
    from base64 import b64encode

    return {
        "public_key": b64encode(signer.public_key).decode(),
        "key_id": key_id(signer.public_key),
        "value": b64encode(signer.sign(canonical(content))).decode(),
    }


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("kind", ReportKind)
async def test_a_ledger_that_stood_still_gives_the_same_bytes_whatever_else_has_changed(
    office: Office, kind: ReportKind, is_closed: bool
) -> None:
    if is_closed:
        office.books.close("2026-11", office.ledger)
    definition = ReportConfig(name="bill", kind=kind)
    first = await office.made(definition)
    office.names = {"teams/search": "Find", "teams/ops": "Operations"}
    office.origin = Origin("prices-2", "1.3.0")
    office.books.close("2026-11", office.ledger)

    run = await office.again(first, definition)

    assert office.files(run) == office.files(first)
    told = run.reproduces
    assert told is not None
    assert (told.run, told.result, told.files, told.inputs, told.notes) == (first.id, "same", (), (), ())
    changes = [(each.what, each.then, each.now) for each in told.changes]
    books = [] if is_closed else [("books of 2026-11", "open", "closed")]
    assert changes == [("price book", "prices-1", "prices-2"), ("code", "1.2.3", "1.3.0"), *books]


async def test_a_team_that_was_renamed_makes_no_difference(office: Office) -> None:
    first = await office.made()
    office.names = {"teams/search": "Find", "teams/sales": "Selling"}

    assert await office.outcome(first) == Reproduction(first.id, str(first.manifest_sha256), result="same")


@pytest.mark.parametrize("is_closed", [False, True])
async def test_an_adjustment_makes_it_differ_and_the_team_and_month_are_named(office: Office, is_closed: bool) -> None:
    if is_closed:
        office.books.close("2026-11", office.ledger)
    first = await office.made()
    # The ledger counts usage events, of which an adjustment is none.
    office.adjust()
    head = office.ledger.all_heads["search", "2026-11"]
    office.ledger.all_heads["search", "2026-11"] = replace(head, events=head.events - 1)

    told = await office.outcome(first)

    assert told.result == "differs"
    assert told.inputs == (Moved("search", "2026-11", 4, 5, "adjusted since; no usage was posted"),)
    assert [(each.what, each.then, each.now) for each in told.changes] == [
        ("cost", "9.050000008", "9.049999968"), ("entries", "10", "11"),
    ]  # fmt: skip
    assert {"statement.csv", "statement.parquet", "report.xlsx", "report.html"} <= set(told.files)
    assert NAME not in told.files


async def test_a_team_that_was_not_there_is_named(office: Office) -> None:
    first = await office.made()
    office.ledger.post(entry("new", team="lab"))

    told = await office.outcome(first)

    assert told.inputs == (Moved("lab", "2026-11", 0, 1, "usage was posted since, and perhaps adjustments"),)


async def test_a_ledger_that_was_tampered_with_is_told_from_one_that_went_on(office: Office) -> None:
    first = await office.made()
    heads = office.ledger.all_heads
    heads["ops", "2026-11"] = replace(heads["ops", "2026-11"], digest="forged")
    heads["sales", "2026-11"] = replace(heads["sales", "2026-11"], sequence=9)

    told = await office.outcome(first)

    assert [(each.team, each.reason) for each in told.inputs] == [
        ("ops", "what had been posted is not what is there now"),
        ("sales", "its sums were repaired; nothing was posted"),
    ]


async def test_where_only_the_position_in_the_ledger_differs_the_totals_are_said_to_be_the_same(office: Office) -> None:
    week = holding(Schedule.WEEKLY, NOVEMBER, "UTC")
    first = await office.worked((await office.runs().request(BILL, week, "ada")).id)
    office.ledger.post(entry("later", at=NOVEMBER + timedelta(days=10)))

    told = await office.outcome(first)

    assert (told.result, told.changes) == ("differs", ())
    assert [name for name in told.files if name.endswith(".csv")] == ["coverage.csv"]
    assert told.notes == (
        "All totals are the same: what was posted since is not in the report's days, or comes to nothing.",
    )


async def test_the_original_stays_as_it_is(office: Office) -> None:
    first = await office.made()
    before = dict(office.storage.files)
    office.adjust()

    run = await office.again(first)

    assert {path: office.storage.files[path] for path in before} == before
    assert await RunStore(office.documents).get(first.id) == first
    assert str(run.folder).startswith(f"2026-11/bill/{first.id}-again-1/")


async def test_a_scheduled_report_is_made_again_beside_it(office: Office) -> None:
    monthly = BILL.model_copy(update={"schedule": Schedule.MONTHLY})
    (scheduled,) = await office.runs().schedule([monthly])
    first = await office.worked(scheduled.id)

    run = await office.again(first, monthly)

    assert (first.folder, run.folder) == ("2026-11/bill/scheduled/1", "2026-11/bill/bill-2026-11-again-1/1")
    assert run.reproduces is not None
    assert run.reproduces.result == "same"
    assert await office.runs().schedule([monthly]) == []


async def test_the_result_stands_in_a_manifest_that_is_signed_too(office: Office) -> None:
    first = await office.made()
    office.adjust()

    run = await office.again(first)

    raw = office.storage.files[f"{run.folder}/{NAME}"]
    hashes = {name: sha256(content).hexdigest() for name, content in office.files(run).items()}
    assert verify(raw, hashes.get, key_id(SIGNER.public_key)).is_sound
    told = orjson.loads(raw)["manifest"]
    assert run.reproduces is not None
    assert (told["run"], told["reproduces"]) == (run.id, orjson.loads(orjson.dumps(asdict(run.reproduces))))
    assert told["generated_at"] == "2026-12-01T03:00:00Z"
    assert run.requested_at > first.requested_at


async def test_asked_twice_it_is_made_once(office: Office) -> None:
    first = await office.made()

    both = await asyncio.gather(*(office.runs().reproduce(first, BILL, by) for by in ("ada", "eve")))
    later = await office.runs().reproduce(first, BILL, "bob")

    assert {run.id for run in (*both, later)} == {f"{first.id}|again-1"}
    await office.worked(later.id)
    assert (await office.runs().reproduce(first, BILL, "bob")).id == f"{first.id}|again-2"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda raw: raw.replace(b"9.050000008", b"8.050000008"), "it was changed since"),
        (lambda raw: b"{}", "it was changed since"),
        (lambda raw: None, "not where it was put"),
    ],
)
async def test_a_manifest_that_was_tampered_with_is_refused(office: Office, change: Any, reason: str) -> None:
    first = await office.made()
    path = f"{first.folder}/{NAME}"
    raw = office.storage.files.pop(path)
    if (changed := change(raw)) is not None:
        office.storage.files[path] = changed
    before = dict(office.storage.files)

    with pytest.raises(ReportRefused, match=reason):
        await office.runs().reproduce(first, BILL, "eve")

    assert office.storage.files == before
    assert [run.id for run in (await RunStore(office.documents).latest())[0]] == [first.id]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"run": "run_other"}, "that of another run"),
        ({"inputs": "none"}, "another form"),
        ({"definition": {"name": "bill", "kind": "no_such_kind"}}, "does not know"),
        ({"period": {}}, "does not know"),
        ({"generated_at": "yesterday"}, "does not know"),
    ],
)
async def test_a_manifest_that_cannot_be_followed_is_refused_in_words(
    office: Office, members: dict[str, Any], reason: str
) -> None:
    first = await office.rewrite(await office.made(), members)

    with pytest.raises(ReportRefused, match=reason):
        await office.runs().reproduce(first, BILL, "eve")


async def test_a_signature_that_is_not_the_manifests_is_refused(office: Office) -> None:
    first = await office.made()
    path = f"{first.folder}/{NAME}"
    forged = office.storage.files[path] = office.storage.files[path].replace(b"9.050000008", b"8.050000008")
    first = await RunStore(office.documents).save(replace(first, manifest_sha256=sha256(forged).hexdigest()))

    with pytest.raises(ReportRefused, match="the signature does not belong to it"):
        await office.runs().reproduce(first, BILL, "eve")


async def test_a_manifest_that_is_changed_after_the_asking_makes_the_run_fail(office: Office) -> None:
    first = await office.made()
    run = await office.runs().reproduce(first, BILL, "eve")
    office.storage.files[f"{first.folder}/{NAME}"] = b"{}"

    failed = await office.worked(run.id)

    assert (failed.state, failed.files) == (RunState.FAILED, ())
    assert "it was changed since" in str(failed.reason)


async def test_a_manifest_of_another_version_is_followed_as_far_as_it_is_understood(office: Office) -> None:
    first = await office.rewrite(await office.made(), {"schema": 2, "code": "9.9.9", "weather": "fine"})

    told = await office.outcome(first)

    assert told.result == "differs"
    assert [(each.what, each.then) for each in told.changes] == [("code", "9.9.9")]


async def test_a_definition_that_is_gone_or_changed_and_a_new_key_are_told(office: Office) -> None:
    first = await office.made()
    office.signer = OTHER
    fewer = BILL.model_copy(update={"formats": (Format.CSV,), "teams": ("search",)})

    gone, changed = await office.outcome(first, None), await office.outcome(first, fewer)

    assert (gone.result, changed.result) == ("same", "same")
    assert "No report bill is configured any more" in gone.notes[0]
    assert "configured otherwise by now (formats, teams)" in changed.notes[0]
    assert f"signed with the key {key_id(SIGNER.public_key)}" in gone.notes[1]


async def test_only_a_report_that_is_done_and_no_copy_can_be_made_again(office: Office) -> None:
    waiting = await office.runs().request(BILL, month(), "ada")
    with pytest.raises(ReportRefused, match="only one that is done"):
        await office.runs().reproduce(waiting, BILL, "eve")
    copy = await office.again(await office.made())

    with pytest.raises(ReportRefused, match="reproduce its original"):
        await office.runs().reproduce(copy, BILL, "eve")


async def test_days_of_another_time_zone_cannot_be_read_again_and_that_is_said(office: Office) -> None:
    first = await office.made()
    office.time_zone = "Asia/Kolkata"

    with pytest.raises(ReportRefused, match="kept for Asia/Kolkata by now"):
        await office.runs().reproduce(first, BILL, "eve")


async def test_while_the_storage_is_away_it_is_asked_again(office: Office) -> None:
    first = await office.made()
    office.storage.is_down = True
    with pytest.raises(StorageUnavailable):
        await office.runs().reproduce(first, BILL, "eve")
    office.storage.is_down = False
    run = await office.runs().reproduce(first, BILL, "eve")
    office.storage.is_down = True
    with pytest.raises(StorageUnavailable):
        await office.runs().work(run.id)
    office.storage.is_down = False

    done = await office.worked(run.id)

    assert (done.state, done.attempt) == (RunState.DONE, 2)
    assert done.reproduces is not None
    assert done.reproduces.result == "same"


@pytest.mark.parametrize("carries_out", [False, True])
async def test_killed_at_any_call_the_result_is_the_same(carries_out: bool) -> None:
    at, was_killed = 0, True
    while was_killed:
        at, was_killed = at + 1, False
        office = Office()
        first = await office.made(BILL.model_copy(update={"formats": (Format.CSV,)}))
        dying = office.runs(port(Dying(office.documents, at, carries_out=carries_out)))
        try:
            await dying.work((await dying.reproduce(first, BILL, "eve")).id)
        except StoreUnavailable:
            was_killed = True
        office.clock.advance(LEASE)
        told = await office.outcome(first)

        assert told.result == "same", at
    assert at > 4


def test_of_very_many_parts_that_moved_on_the_first_are_named_and_the_others_counted() -> None:
    from shared.finance.manifest import Input, Manifest

    inputs = tuple(Input(f"team-{number:03}", "2026-11", 1, 1, "d") for number in range(MOST_INPUTS + 3))
    then = Manifest("run_1", "", {}, {}, {}, (), "p", "c", ())
    told = compared(Reproduction("run_1", "h"), then, replace(then, inputs=inputs), {})

    assert (told.result, len(told.inputs)) == ("same", MOST_INPUTS)
    assert told.notes == ("3 further parts of the ledger have moved on.",)


async def test_a_run_that_makes_again_reads_back_as_it_was_written(office: Office) -> None:
    office.clock.set(datetime(2026, 12, 1, 3, tzinfo=UTC))
    first = await office.made()
    office.adjust()

    run = await office.again(first)

    assert await RunStore(office.documents).get(run.id) == run
