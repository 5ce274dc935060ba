"""An alert of a budget, told so that whoever reads it knows what has happened and what happens now."""

from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from shared.alerts.model import Notice, Severity
from shared.budgets.model import Alert
from shared.directory.model import ORGANIZATION, Mode
from shared.forecasts.model import Forecast
from shared.money import amount, text_of

_NOW: Mapping[str, str] = {
    "alert": "Nothing changes for calls.",
    "throttle": "Calls are limited to fewer a minute until the period ends or the amount is raised.",
    "downshift": "Calls go to a cheaper model where that is possible, until the period ends or the amount is raised.",
    "block": "Calls are refused until the period ends or the amount is raised.",
}
_SEVERITY: Mapping[str, Severity] = {
    "alert": "info",
    "throttle": "warning",
    "downshift": "warning",
    "block": "critical",
}
_MUCH, _ALL = 80, 100


def notice_of(
    alert: Alert,
    *,
    time_zone: str | None = None,
    forecast: Forecast | None = None,
    currency: str | None = None,
    link: str | None = None,
) -> Notice:
    """Return the notice, whose id is the alert's. `time_zone` is the budget's; without it the period is told in UTC.

    Amounts without a currency are in the deployment's.
    """
    unit = f" {currency}" if currency else ""
    spent, total = f"{shown(alert.spent)}{unit}", f"{shown(alert.amount)}{unit}"
    facts = [
        ("Budget", alert.budget),
        ("Scope", alert.scope),
        ("Period", _period(alert, time_zone)),
        ("Threshold", f"{alert.percent} % ({alert.action})"),
        ("Spent", f"{spent} of {total}"),
    ]
    if forecast is not None and forecast.expected is not None:
        facts.append(("Expected at the end", _expected(forecast, unit)))
    if alert.mode is Mode.SHADOW:
        facts.append(("Mode", "shadow"))
    return Notice(
        id=alert.id,
        kind="budget",
        severity=_severity(alert),
        title=_title(alert),
        text=f"{spent} of {total} are spent in this {_name(alert)}. {_happens_now(alert)}",
        at=alert.at,
        facts=tuple(facts),
        team=alert.team,
        scope=alert.scope,
        link=link,
    )


def shown(money: Decimal) -> str:
    """Return an amount as people read it: two places, more only where it would be nothing otherwise."""
    rounded = money.quantize(Decimal("0.01"))
    return f"{rounded:,f}" if rounded or not money else text_of(money)


def _title(alert: Alert) -> str:
    whose = "the organization" if alert.scope == ORGANIZATION else alert.scope
    if alert.action == "block" and alert.spent * 100 < alert.amount * alert.percent:
        return f"Budget of {whose}: what is left is too little for a call"
    return f"Budget of {whose}: {alert.percent} % reached"


def _severity(alert: Alert) -> Severity:
    if alert.action == "alert":
        if alert.percent >= _ALL:
            return "critical"
        return "warning" if alert.percent >= _MUCH else "info"
    severity = _SEVERITY[alert.action]
    return "warning" if alert.mode is Mode.SHADOW else severity


def _happens_now(alert: Alert) -> str:
    if alert.mode is Mode.SHADOW and alert.action != "alert":
        return f"The budget is in shadow mode, so nothing changes. If it were enforced: {_NOW[alert.action]}"
    return _NOW[alert.action]


def _name(alert: Alert) -> str:
    return alert.window.id.partition("-")[0]


def _period(alert: Alert, time_zone: str | None) -> str:
    zone = ZoneInfo(time_zone or "UTC")
    start, end = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (alert.window.start, alert.window.end))
    return f"{_name(alert)} from {start} to {end} ({zone.key})"


def _expected(forecast: Forecast, unit: str) -> str:
    expected, low, high = (shown(amount(nanos or 0)) for nanos in (forecast.expected, forecast.low, forecast.high))
    return f"{expected}{unit}, between {low} and {high} four times of five"
