"""Puts together what several jobs, and the management API, do to the books."""

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from shared.documents import Json
from shared.finance.ports import ReportExists
from shared.finance.signing import ReportSigner
from shared.jobs.alert_channels import Channels
from shared.jobs.counted_ledger import CountedLedger
from shared.jobs.names import DirectoryNames
from shared.jobs.usage_ingest import Intake, post, rating_of
from shared.ledger import documents as forms
from shared.ledger.plausible import EventInvalid, checked
from shared.ledger.rejected import RejectedStore
from shared.ledger.store import LedgerStore
from shared.migrations.steps import newest_usage_event
from shared.reconciliation.archive import Archive
from shared.reconciliation.closing import ClosingService
from shared.reconciliation.months import Calendar
from shared.reconciliation.service import ReconciliationService
from shared.redaction import Secret
from shared.runtime import Runtime

if TYPE_CHECKING:
    from shared.finance.runs import ReportRuns

_log = logging.getLogger("tollgate.books")


def intake_of(runtime: Runtime) -> Intake:
    """Return what usage events are posted with."""
    return Intake(
        ledger=runtime.bookkeeping.ledger,
        rejected=RejectedStore(runtime.documents, runtime.clock),
        rate=partial(rating_of, book=runtime.prices),
        periods=runtime.bookkeeping.periods,
        clock=runtime.clock,
        tell=runtime.telemetry.count,
        models=runtime.telemetry.models,
    )


def calendar_of(runtime: Runtime) -> Calendar:
    return Calendar(runtime.config.finance.time_zone, runtime.config.finance.fiscal_year_start)


def archive_of(runtime: Runtime) -> Archive:
    return Archive(runtime.documents, runtime.bookkeeping.storage, runtime.clock, ReportExists)


def reconciliation_of(runtime: Runtime) -> ReconciliationService:
    async def repost(events: Sequence[Json]) -> int:
        return await post(list(_posted_as(events, runtime)), intake_of(runtime))

    return ReconciliationService(
        runtime.documents,
        runtime.clock,
        forms,
        repost,
        archive_of(runtime).archived,
        time_zone=runtime.config.finance.time_zone,
    )


def _posted_as(events: Sequence[Json], runtime: Runtime) -> Iterator[Json]:
    """Yield stored events as the newest schema has them. One that is none stays in the findings, and holds up no other."""
    for event in events:
        try:
            yield checked(newest_usage_event(event), runtime.clock.now())
        except EventInvalid as error:
            _log.error("A stored event cannot be posted: %s", error)


def counted_ledger_of(runtime: Runtime) -> CountedLedger:
    return CountedLedger(runtime.documents, runtime.clock, runtime.config.finance.time_zone)


def closing_of(runtime: Runtime) -> ClosingService:
    return ClosingService(
        runtime.bookkeeping.periods,
        reconciliation_of(runtime),
        LedgerStore(runtime.documents),
        runtime.clock,
        calendar_of(runtime),
        runtime.config.finance.close_after_days,
    )


def channels_of(runtime: Runtime) -> Channels:
    out = runtime.bookkeeping.outgoing
    return Channels(out.web, out.mailer, out.mail_service, runtime.secrets, runtime.clock)


def reports_of(runtime: Runtime) -> "ReportRuns":
    # The writers of the formats take a tenth of a second to import, which no call shall wait for.
    from shared.finance.building import Origin
    from shared.finance.runs import ReportRuns
    from shared.finance.service import ReportService
    from shared.finance.store import RunStore

    closing = closing_of(runtime)
    service = ReportService(
        counted_ledger_of(runtime),
        closing,
        runtime.bookkeeping.storage,
        lambda: _signer(runtime),
        lambda: Origin(runtime.prices.digest, code_digest()),
        DirectoryNames(runtime.administration.store, runtime.administration.declared),
    )
    return ReportRuns(
        RunStore(runtime.documents), service, closing, runtime.clock, time_zone=runtime.config.finance.time_zone
    )


async def _signer(runtime: Runtime) -> ReportSigner:
    """The key is derived from a secret of its own or, where none is configured, from the pepper."""
    reference = runtime.config.finance.signing_key
    if reference is None:
        return ReportSigner(Secret(runtime.administration.pepper.decode("utf-8", "surrogateescape")))
    return ReportSigner(await runtime.secrets.resolve(reference))


@lru_cache(1)
def code_digest() -> str:
    """Return what tells this version of the code from others: a digest of all modules that reports depend on."""
    root = Path(__file__).parent.parent
    names = sorted(
        path for name in ("finance", "ledger", "catalog", "reconciliation") for path in (root / name).rglob("*.py")
    )
    digest = sha256()
    for path in names:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
