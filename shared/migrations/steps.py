"""Every migration there has been, in order. They stay: a store may come from any earlier version."""

from shared.documents import Json
from shared.ledger.model import CONTAINER as LEDGER
from shared.migrations.model import Migration


def usage_event_to_2(event: Json) -> Json | None:
    """Schema 2 says where in the organization the caller stands and what its policies did."""
    if event.get("schema") != 1 or not _is_event(event):
        return None
    unknown = dict.fromkeys(("area", "application", "user", "client", "project", "downshifted_from"))
    known = {"organization": "organization", "principal_kind": "virtual_key", "shadow": []}
    return {**event, **unknown, **known, "schema": 2}


def usage_event_to_3(event: Json) -> Json | None:
    """Schema 3 shares its container with the ledger, and tells of prices, tags and runs of calls."""
    if event.get("schema") != 2 or not _is_event(event):
        return None
    unknown = dict.fromkeys(("catalog_model", "processing"))
    return {**event, **unknown, "schema": 3, "kind": "event", "capacity": "standard", "tags": {}, "trace": {}}


def _is_event(document: Json) -> bool:
    """Other documents of the ledger count their schemas too."""
    return "started_at" in document


def newest_usage_event(event: Json) -> Json:
    """Return an event of any version at the newest schema."""
    for upgrade in (usage_event_to_2, usage_event_to_3):
        event = upgrade(event) or event
    return event


def partition_of_usage_event(event: Json) -> str:
    """By team and month: events of the schemas that are brought to a newer one here are from before there were volumes."""
    return f"{event['team']}|{str(event['started_at'])[:7]}"


MIGRATIONS = (
    Migration(1, "usage events to schema 2", LEDGER, usage_event_to_2, partition_of_usage_event),
    Migration(2, "usage events to schema 3", LEDGER, usage_event_to_3, partition_of_usage_event),
)
