"""The notice of a budget says what was reached, in which period, and what happens now."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.alerts.budgets import notice_of, shown
from shared.budgets.model import Alert
from shared.directory.model import ORGANIZATION, Mode
from shared.forecasts.model import Forecast, Method
from shared.windows import CalendarPeriod, Period

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
ALERT = Alert(
    budget="bud_search",
    scope="teams/search",
    team="search",
    window=CalendarPeriod(Period.MONTH, "Europe/Berlin").at(NOW),
    percent=80,
    action="alert",
    amount=Decimal(1000),
    spent=Decimal("812.345678901"),
    at=NOW,
    mode=Mode.ENFORCE,
)


def test_the_notice_has_the_alerts_id_and_everything_that_is_asked_first() -> None:
    notice = notice_of(ALERT, time_zone="Europe/Berlin", currency="EUR")

    assert (notice.id, notice.kind, notice.team, notice.scope) == (ALERT.id, "budget", "search", "teams/search")
    assert notice.title == "Budget of teams/search: 80 % reached"
    assert notice.text == "812.35 EUR of 1,000.00 EUR are spent in this month. Nothing changes for calls."
    assert dict(notice.facts) == {
        "Budget": "bud_search",
        "Scope": "teams/search",
        "Period": "month from 2026-03-01 00:00 to 2026-04-01 00:00 (Europe/Berlin)",
        "Threshold": "80 % (alert)",
        "Spent": "812.35 EUR of 1,000.00 EUR",
    }


def test_without_its_zone_the_period_is_told_in_utc() -> None:
    assert dict(notice_of(ALERT).facts)["Period"] == "month from 2026-02-28 23:00 to 2026-03-31 22:00 (UTC)"


def test_a_forecast_is_told_with_its_interval_and_only_where_there_is_one() -> None:
    nano = 10**9
    told = notice_of(ALERT, forecast=Forecast(900 * nano, 850 * nano, 1010 * nano, 812 * nano, Method.WEEKDAYS))
    silent = notice_of(ALERT, forecast=Forecast(None, None, None, 812 * nano, Method.TOO_LITTLE))

    assert dict(told.facts)["Expected at the end"] == "900.00, between 850.00 and 1,010.00 four times of five"
    assert "Expected at the end" not in dict(silent.facts)


@pytest.mark.parametrize(
    ("action", "percent", "mode", "severity", "words"),
    [
        ("alert", 50, Mode.ENFORCE, "info", "Nothing changes"),
        ("alert", 80, Mode.ENFORCE, "warning", "Nothing changes"),
        ("alert", 100, Mode.SHADOW, "critical", "Nothing changes"),
        ("throttle", 80, Mode.ENFORCE, "warning", "fewer a minute"),
        ("downshift", 80, Mode.ENFORCE, "warning", "cheaper model"),
        ("block", 100, Mode.ENFORCE, "critical", "refused"),
        ("block", 100, Mode.SHADOW, "warning", "so nothing changes. If it were enforced: Calls are refused"),
    ],
)
def test_severity_and_words_follow_from_what_happens(
    action: str, percent: int, mode: Mode, severity: str, words: str
) -> None:
    notice = notice_of(replace(ALERT, action=action, percent=percent, mode=mode))

    assert notice.severity == severity
    assert words in notice.text


def test_a_budget_that_refuses_before_it_is_used_up_says_so() -> None:
    short = notice_of(replace(ALERT, action="block", percent=100, spent=Decimal(999), scope=ORGANIZATION))
    full = notice_of(replace(ALERT, action="block", percent=100, spent=Decimal(1000)))

    assert short.title == "Budget of the organization: what is left is too little for a call"
    assert full.title == "Budget of teams/search: 100 % reached"


@pytest.mark.parametrize(
    ("money", "text"),
    [("0", "0.00"), ("0.000000001", "0.000000001"), ("0.005", "0.005"), ("1234567.891", "1,234,567.89")],
)
def test_amounts_are_read_easily_and_never_become_nothing(money: str, text: str) -> None:
    assert shown(Decimal(money)) == text
