"""Keeps the alerts of budgets, each once; what sends them out reads them here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

from shared.budgets.model import Alert
from shared.directory.model import Mode
from shared.documents import Condition, Document, DocumentExists, DocumentStore, Json
from shared.windows import Window

CONTAINER, PARTITION = "alerts", "organization"
_KEPT_S = 400 * 24 * 3600


class AlertStore:
    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def raise_once(self, alert: Alert) -> bool:
        """Store the alert unless it has been raised before, and say whether it is new. Raises StoreUnavailable."""
        try:
            await self._documents.create(CONTAINER, PARTITION, _body_of(alert), _KEPT_S)
        except DocumentExists:
            return False
        return True

    async def page(
        self, team: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> tuple[tuple[Alert, ...], str | None]:
        """Return alerts, newest first: all of them, or those of a team. Raises StoreUnavailable."""
        where = [] if team is None else [Condition("team", "=", team)]
        page = await self._documents.query(
            CONTAINER, PARTITION, where, order_by="at", descending=True, limit=limit, cursor=cursor
        )
        return tuple(_alert_of(document) for document in page.documents), page.cursor


def _body_of(alert: Alert) -> Json:
    return {
        "schema": 1,
        "id": alert.id,
        "budget": alert.budget,
        "scope": alert.scope,
        "team": alert.team or "",
        "window": {
            "id": alert.window.id,
            "start": alert.window.start.isoformat(),
            "end": alert.window.end.isoformat(),
        },
        "percent": alert.percent,
        "action": alert.action,
        "amount": f"{alert.amount:f}",
        "spent": f"{alert.spent:f}",
        "at": alert.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "mode": alert.mode.value,
    }


def _alert_of(document: Document) -> Alert:
    body = document.body
    window = cast("Mapping[str, str]", body["window"])
    return Alert(
        budget=str(body["budget"]),
        scope=str(body["scope"]),
        team=str(body["team"]) or None,
        window=Window(window["id"], datetime.fromisoformat(window["start"]), datetime.fromisoformat(window["end"])),
        percent=int(cast("int", body["percent"])),
        action=str(body["action"]),
        amount=Decimal(str(body["amount"])),
        spent=Decimal(str(body["spent"])),
        at=datetime.fromisoformat(str(body["at"])),
        mode=Mode(str(body["mode"])),
    )
