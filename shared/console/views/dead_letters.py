"""Messages that no job could work with: read, corrected, sent again, given up."""

from shared.console.visit import Moved, Shown, Visit
from shared.errors import GatewayError
from shared.management.problems import invalid


async def letters(visit: Visit) -> Shown:
    page = await visit.get("dead-letters", {"limit": 50, "cursor": visit.query.get("cursor")})
    return Shown("dead_letters.html", {"page": page})


async def letter(visit: Visit) -> Shown:
    found = await visit.get(_address(visit))
    return Shown("dead_letter.html", {"letter": found, "text": found["text"], "mistake": None, "is_checked": False})


async def correct(visit: Visit) -> Shown | Moved:
    """Check, replay or discard, as the button says; a mistake in the text is shown beside the text."""
    action = visit.form.get("action")
    if action == "discard":
        await visit.delete(_address(visit))
        return Moved("/console/dead-letters", "discarded")
    if action not in ("check", "replay"):
        raise invalid("action", "must be check, replay or discard")
    found = await visit.get(_address(visit))
    text = visit.form.get("body", "")
    try:
        is_changed = text != found["text"]
        if action == "replay":
            await visit.post(f"{_address(visit)}/replay", {"body": text} if is_changed else {})
            return Moved("/console/dead-letters", "replayed")
        await visit.post(f"{_address(visit)}/check", {"body": text})
        mistake = None
    except GatewayError as error:
        if error.status >= 500 or error.param != "body":
            raise
        mistake = error.message
    values = {"letter": found, "text": text, "mistake": mistake, "is_checked": mistake is None}
    return Shown("dead_letter.html", values)


def _address(visit: Visit) -> str:
    return f"dead-letters/{visit.path['queue']}/{visit.path['letter']}"
