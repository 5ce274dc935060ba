"""A notice as a Slack message of blocks.

Slack reads `&`, `<` and `>` in its Markdown as mentions and links, and everything else as decoration at most.
https://docs.slack.dev/messaging/formatting-message-text
"""

from itertools import batched
from typing import Any

import orjson

from shared.alerts.model import Notice

_SIGNS = {"info": "ℹ", "warning": "⚠", "critical": "‼"}  # noqa: RUF001 - a sign, not a letter
_IN_A_SECTION = 10


def slack_message(notice: Notice) -> bytes:
    """Return the body to post. A bounded notice stays below the 3,000 characters of a section and the 50 blocks of a message."""
    title = f"{_SIGNS[notice.severity]} {notice.title}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(title[:150])},
        {"type": "section", "text": _plain(notice.text)},
    ]
    for facts in batched(notice.facts, _IN_A_SECTION, strict=False):
        blocks.append({"type": "section", "fields": [_marked(label, value) for label, value in facts]})
    if notice.link is not None:
        button = {"type": "button", "text": _plain("Open"), "url": notice.link}
        blocks.append({"type": "actions", "elements": [button]})
    return orjson.dumps({"text": escaped(title), "blocks": blocks})


def escaped(text: str) -> str:
    """Return text that mentions nobody and links nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def _marked(label: str, value: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": f"*{escaped(label)}*\n{escaped(value)}", "verbatim": True}
