from datetime import datetime
from hashlib import sha256

import pytest

from shared.finance.manifest import NAME, verify
from shared.finance.model import Format, ReportConfig, ReportKind
from shared.finance.ports import ReportExists
from shared.finance.report import ReportRefused
from shared.finance.service import Made, ReportService
from shared.finance.signing import ReportSigner, key_id
from shared.redaction import Secret
from tests.shared.finance.books import FixedBooks, MemoryLedger, MemoryReports, busy_month, entry, month
from tests.shared.finance.made import GENERATED_AT, ORIGIN

SIGNER = ReportSigner(Secret("a secret that is quite long enough"))


async def signer() -> ReportSigner:
    return SIGNER


def service(storage: MemoryReports, ledger: MemoryLedger | None = None) -> ReportService:
    return ReportService(ledger or MemoryLedger(busy_month()), FixedBooks(), storage, signer, lambda: ORIGIN)


async def make(
    storage: MemoryReports,
    kind: ReportKind = ReportKind.CHARGEBACK,
    ledger: MemoryLedger | None = None,
    at: datetime = GENERATED_AT,
) -> Made:
    definition = ReportConfig(name="bill", kind=kind)
    steps: list[tuple[float, str]] = []
    made = await service(storage, ledger).run(
        definition, month(), "run_1", at, "2026-11/bill/run_1/1", lambda *step: steps.append(step)
    )
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert all(0 <= done <= 1 for done, _ in steps)
    return made


@pytest.mark.parametrize("kind", ReportKind)
async def test_the_same_ledger_and_run_make_the_same_bytes_in_every_format(kind: ReportKind) -> None:
    first, second = MemoryReports(), MemoryReports()

    await make(first, kind)
    await make(second, kind)

    assert {path.rpartition(".")[2] for path in first.files} >= {"csv", "parquet", "json"}
    assert first.files == second.files


@pytest.mark.parametrize("kind", ReportKind)
async def test_whoever_has_the_files_can_tell_that_they_are_what_was_signed(kind: ReportKind) -> None:
    storage = MemoryReports()
    made = await make(storage, kind)
    files = {path.rpartition("/")[2]: content for path, content in storage.files.items()}

    verdict = verify(files[NAME], lambda name: sha256(files[name]).hexdigest(), key_id(SIGNER.public_key))

    assert verdict.is_sound
    assert (verdict.run, set(made.files)) == ("run_1", set(files))


async def test_the_manifest_tells_what_the_report_was_made_of() -> None:
    made = await make(MemoryReports())
    manifest = made.manifest

    assert manifest.generated_at == "2026-12-01T03:00:00Z"
    assert [(each.team, each.month, each.sequence) for each in manifest.inputs] == [
        ("ops", "2026-11", 3),
        ("sales", "2026-11", 3),
        ("search", "2026-11", 4),
    ]
    assert (manifest.price_book, manifest.code) == ("prices-1", "1.2.3")
    assert manifest.totals == {
        "cost": "9.050000008",
        "currency": "USD",
        "requests": 9,
        "entries": 10,
        "unpriced": 1,
        "estimated": 1,
        "pending": 1,
    }
    assert manifest.period["fiscal"] == "FY2026-P11"


async def test_a_report_that_was_half_stored_is_finished_with_the_same_files() -> None:
    whole, half = MemoryReports(), MemoryReports()
    await make(whole)
    half.files = dict(list(whole.files.items())[:3])

    await make(half)

    assert half.files == whole.files


async def test_what_stands_there_already_is_never_overwritten() -> None:
    storage = MemoryReports()
    await make(storage)
    before = dict(storage.files)

    with pytest.raises(ReportExists):
        await make(storage, ledger=MemoryLedger([entry("1")]))

    assert storage.files == before


async def test_a_report_whose_details_do_not_come_to_the_total_is_refused() -> None:
    ledger = MemoryLedger(busy_month())
    key = next(
        key for key in ledger.all if key.view == "detail" and key.grain == "month" and key.dimensions.team == "sales"
    )
    ledger.all[key] = {**ledger.all[key], "cost": 1}
    storage = MemoryReports()

    with pytest.raises(ReportRefused, match="details of the team sales do not come to its total"):
        await make(storage, ledger=ledger)
    assert storage.files == {}


async def test_a_format_more_or_less_changes_no_byte_of_the_others() -> None:
    all_formats, one = MemoryReports(), MemoryReports()
    definition = ReportConfig(name="bill", kind=ReportKind.SHOWBACK)
    for storage, formats in ((all_formats, definition.formats), (one, (Format.CSV,))):
        await service(storage).run(
            replace_formats(definition, formats), month(), "run_1", GENERATED_AT, "a/b", lambda *_: None
        )

    assert {path: all_formats.files[path] for path in one.files if path != "a/b/manifest.json"} == {
        path: content for path, content in one.files.items() if path != "a/b/manifest.json"
    }


def replace_formats(definition: ReportConfig, formats: tuple[Format, ...]) -> ReportConfig:
    return definition.model_copy(update={"formats": formats})
