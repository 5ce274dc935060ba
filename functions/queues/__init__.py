"""One file per queue."""

from functions.queues import alerts, reports, usage_ingest

BLUEPRINTS = (usage_ingest.blueprint, alerts.blueprint, reports.blueprint)
