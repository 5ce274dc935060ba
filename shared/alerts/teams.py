"""A notice as an Adaptive Card, in the envelope that the Workflows app of Teams takes.

Everything is put into text runs, which are shown as they are: a text block would read Markdown in a team's name.
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from typing import Any

import orjson

from shared.alerts.model import Notice

_COLOURS = {"info": "accent", "warning": "warning", "critical": "attention"}


def teams_message(notice: Notice) -> bytes:
    """Return the body to post. A bounded notice stays far below the 28 KB that Teams takes."""
    card: dict[str, Any] = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            _runs({"text": notice.title, "weight": "bolder", "size": "medium", "color": _COLOURS[notice.severity]}),
            _runs({"text": notice.text}),
            *(_runs({"text": f"{label}: ", "weight": "bolder"}, {"text": value}) for label, value in notice.facts),
        ],
    }
    if notice.link is not None:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": notice.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return orjson.dumps({"type": "message", "attachments": [attachment]})


def _runs(*runs: dict[str, str]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}
