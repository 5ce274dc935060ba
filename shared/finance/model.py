"""What finance configures: the reporting calendar, how long things are kept, and the reports that are made of the ledger."""

import re
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from shared.fields import Few, Name, SecretRef, Some, Strict, TimeZone, is_loopback

_CONTAINER = re.compile(r"/[a-z0-9](?:-?[a-z0-9]){2,62}")
_NO_CONTAINER = "must be the address of a blob container, such as https://account.blob.core.windows.net/reports"


class ReportKind(StrEnum):
    """CHARGEBACK bills cost centers and teams; SHOWBACK tells teams who among them used what."""

    CHARGEBACK = "chargeback"
    SHOWBACK = "showback"
    TOP_TALKERS = "top_talkers"
    MODEL_MIX = "model_mix"
    ERROR_HOTSPOTS = "error_hotspots"
    SAVINGS = "savings"
    FORECAST = "forecast"
    FOCUS = "focus"


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    HTML = "html"


class Schedule(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


STREAMED = frozenset({Format.CSV, Format.PARQUET})
"""The formats of FOCUS, whose rows are too many for a workbook or a page."""


class ReportConfig(Strict):
    """A report that is made again and again, or whenever somebody asks for it.

    `schedule` None: only on request. `teams` None: every team. With `after_close` a monthly report waits until the month's books
    are closed; otherwise it is made an hour after the month has ended.
    """

    name: Name
    kind: ReportKind
    formats: Some[Format] = (Format.CSV, Format.XLSX, Format.PARQUET, Format.HTML)
    schedule: Schedule | None = None
    teams: Few[Name] | None = None
    after_close: bool = False

    @model_validator(mode="before")
    @classmethod
    def _formats_of_focus(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("kind") == ReportKind.FOCUS:
            return {"formats": (Format.CSV, Format.PARQUET), **given}
        return given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind is ReportKind.FOCUS and not STREAMED.issuperset(self.formats):
            raise ValueError("a focus report has the formats csv and parquet")
        if len(set(self.formats)) < len(self.formats):
            raise ValueError("formats must differ")
        if self.teams == ():
            raise ValueError("teams must name one at least; leave it out for every team")
        if self.after_close and self.schedule is not Schedule.MONTHLY:
            raise ValueError("after_close is for monthly reports")
        return self


class RetentionConfig(Strict):
    """Days for which single records are kept before they are exported and deleted. Entries and sums are kept for good."""

    events_days: Annotated[int, Field(ge=31, le=3650)] = 400
    sessions_days: Annotated[int, Field(ge=31, le=3650)] = 400
    audit_days: Annotated[int, Field(ge=90, le=3650)] = 2555


def _container(value: str) -> str:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        raise ValueError(_NO_CONTAINER) from None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not (host and is_plain and is_safe and _CONTAINER.fullmatch(parts.path)):
        raise ValueError(_NO_CONTAINER)
    return value


BlobContainer = Annotated[str, AfterValidator(_container)]


class FinanceConfig(Strict):
    """`fiscal_year_start` is a month. `reports_storage` None keeps reports on this machine.

    `signing_key` is the secret that the key that signs manifests is derived from; None derives it from the pepper.
    """

    time_zone: TimeZone = "UTC"
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = 1
    close_after_days: Annotated[int, Field(ge=0, le=27)] = 5
    retention: RetentionConfig = RetentionConfig()
    reports_storage: BlobContainer | None = None
    signing_key: SecretRef | None = None
    reports: Few[ReportConfig] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [report.name for report in self.reports]
        if len(set(names)) < len(names):
            raise ValueError("reports must have different names")
        return self
