"""A notice with names that would do harm if anything but text were made of them."""

from datetime import UTC, datetime

from shared.alerts.model import Notice

HOSTILE = "<!channel> [click](https://evil.example) *b* <img src=x onerror=alert(1)> & more"
NOTICE = Notice(
    id="bud_search|month-2026-03-01|80|alert",
    kind="budget",
    severity="critical",
    title=f"Budget of {HOSTILE}",
    text=f"8 of 10 are spent by {HOSTILE}.",
    at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    facts=(("Team", HOSTILE), ("Spent", "8 of 10")),
    team="search",
    scope="teams/search",
    link="https://console.example/alerts",
)
