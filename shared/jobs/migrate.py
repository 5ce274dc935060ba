"""Moves the migrations of stored documents on for a while."""

from shared.clock import Clock
from shared.documents import DocumentStore
from shared.migrations.model import Progress
from shared.migrations.service import MigrationService

BUDGET_S = 240.0
"""Less than the five minutes between two ticks."""


async def migrate(documents: DocumentStore, clock: Clock) -> Progress:
    """Where nothing is pending, this costs one point read. Raises StoreUnavailable."""
    return await MigrationService(documents, clock).run(BUDGET_S)
