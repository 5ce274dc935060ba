"""One file per timer."""

from functions.timers import (
    anomalies,
    budget_alerts,
    dead_letters,
    export_events,
    finance_reports,
    migrations,
    period_close,
    provisioned,
    provisions_sweep,
    republish,
    rerate,
    retention,
    session_classification,
    usage_reconcile,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        anomalies,
        budget_alerts,
        dead_letters,
        export_events,
        finance_reports,
        migrations,
        period_close,
        provisioned,
        provisions_sweep,
        republish,
        rerate,
        retention,
        session_classification,
        usage_reconcile,
    )
)
