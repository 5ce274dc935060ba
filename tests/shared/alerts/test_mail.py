"""A mail says the same in text and in HTML, and hostile names stay text."""

from dataclasses import replace
from html.parser import HTMLParser

from shared.alerts.mail import mail_of
from tests.shared.alerts.notices import HOSTILE, NOTICE


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_html_has_no_element_that_we_did_not_write() -> None:
    reader = Reader()
    reader.feed(mail_of(NOTICE, "msg_1", "a@b.example", ("c@d.example",)).html)

    assert reader.tags <= {"html", "meta", "body", "h2", "p", "table", "tr", "th", "td", "br", "a"}
    assert reader.links == ["https://console.example/alerts"]
    assert HOSTILE in reader.texts


def test_text_and_subject_say_what_it_is_about() -> None:
    mail = mail_of(NOTICE, "msg_1", "a@b.example", ("c@d.example",))

    assert mail.subject == f"[Tollgate critical] {NOTICE.title}"
    assert mail.text == (
        f"{NOTICE.title}\n\n{NOTICE.text}\n\nTeam: {HOSTILE}\nSpent: 8 of 10\n\nhttps://console.example/alerts\n"
    )


def test_without_a_link_there_is_none() -> None:
    mail = mail_of(replace(NOTICE, link=None), "msg_1", "a@b.example", ("c@d.example",))

    assert "<a" not in mail.html
    assert mail.text.endswith("Spent: 8 of 10\n")
