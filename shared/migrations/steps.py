"""Every migration there has been, in order. They stay: a store may come from any earlier version."""

from shared.documents import Json
from shared.migrations.model import Migration
from shared.usage.model import EVENTS


def usage_event_to_2(event: Json) -> Json | None:
    """Schema 2 says where in the organization the caller stands and what its policies did."""
    if event.get("schema") != 1:
        return None
    unknown = dict.fromkeys(("area", "application", "user", "client", "project", "downshifted_from"))
    known = {"organization": "organization", "principal_kind": "virtual_key", "shadow": []}
    return {**event, **unknown, **known, "schema": 2}


def partition_of_usage_event(event: Json) -> str:
    """By team and month: a statement reads one partition, and none grows without end."""
    return f"{event['team']}|{str(event['started_at'])[:7]}"


MIGRATIONS = (Migration(1, "usage events to schema 2", EVENTS, usage_event_to_2, partition_of_usage_event),)
