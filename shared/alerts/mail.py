"""A notice as an e-mail of plain text and HTML. Everything in it is shown as text, whatever it holds."""

from html import escape

from shared.alerts.model import Notice
from shared.alerts.ports import Mail

_COLOURS = {"info": "#0f6cbd", "warning": "#bc4b09", "critical": "#b10e1c"}


def mail_of(notice: Notice, id: str, sender: str, recipients: tuple[str, ...]) -> Mail:
    subject = f"[Tollgate {notice.severity}] {notice.title}"
    return Mail(id, sender, recipients, subject, _text(notice), _html(notice))


def _text(notice: Notice) -> str:
    facts = [f"{label}: {value}" for label, value in notice.facts]
    parts = [notice.title, notice.text, "\n".join(facts), notice.link or ""]
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(notice: Notice) -> str:
    rows = "".join(
        f'<tr><th align="left" style="padding:2px 12px 2px 0">{escape(label)}</th><td>{escape(value)}</td></tr>'
        for label, value in notice.facts
    )
    link = f'<p><a href="{escape(notice.link)}">Open</a></p>' if notice.link is not None else ""
    text = escape(notice.text).replace("\n", "<br>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<body style="font-family:Segoe UI,Arial,sans-serif;font-size:14px">'
        f'<h2 style="color:{_COLOURS[notice.severity]};font-size:18px">{escape(notice.title)}</h2>'
        f"<p>{text}</p><table>{rows}</table>{link}</body></html>"
    )
