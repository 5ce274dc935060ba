"""Every page of the console: the one table that addresses are looked up in."""

from shared.console.views import alerts, books, dead_letters, reports, sessions, spending
from shared.console.visit import Page

PAGES: tuple[Page, ...] = (
    Page("GET", "", spending.overview),
    Page("GET", "costs", spending.costs),
    Page("GET", "entries", spending.entries),
    Page("GET", "entries/{entry}", spending.entry),
    Page("GET", "periods", books.periods),
    Page("GET", "periods/{period}", books.period),
    Page("POST", "periods/{period}/close", books.close),
    Page("GET", "reconciliation", books.reconciliation),
    Page("POST", "reconciliation", books.prove),
    Page("GET", "reports", reports.reports),
    Page("POST", "reports", reports.start),
    Page("GET", "reports/{run}", reports.run),
    Page("POST", "reports/{run}/reproduce", reports.reproduce),
    Page("GET", "reports/{run}/files/{file}", reports.download),
    Page("GET", "reports/{run}/print/{file}", reports.printed),
    Page("GET", "dead-letters", dead_letters.letters),
    Page("GET", "dead-letters/{queue}/{letter}", dead_letters.letter),
    Page("POST", "dead-letters/{queue}/{letter}", dead_letters.correct),
    Page("GET", "alerts", alerts.alerts),
    Page("POST", "alerts/retry", alerts.retry),
    Page("POST", "alerts/channels", alerts.try_channel),
    Page("GET", "sessions", sessions.overview),
    Page("GET", "sessions/{team}", sessions.team),
)
