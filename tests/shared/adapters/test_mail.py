"""Mail goes out over TLS that is checked, with both parts, and nothing in it can become a header."""

import email
import ssl
from email.message import EmailMessage
from email.policy import default

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.mail import SmtpMailer, message_of
from shared.alerts.mail import mail_of
from shared.alerts.model import Notice
from shared.alerts.ports import Answer, Mail, MailServer, Unreachable
from shared.redaction import Secret
from tests.fakes import FakeClock
from tests.peers.smtp import MailPeer, mail_server

MAIL = Mail(
    "msg_1", "gateway@contoso.example", ("ada@contoso.example", "bo@contoso.example"), "A budget", "Text.", "<p>HTML"
)
DATE = "Mon, 02 Mar 2026 12:00:00 +0000"
AUTHORITY = trustme.CA()


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def mailer() -> SmtpMailer:
    return SmtpMailer(FakeClock(), trusting)


def plain(peer: MailPeer) -> MailServer:
    return MailServer("127.0.0.1", peer.port, "none")


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_mail_has_a_text_and_an_html_part_and_its_own_id() -> None:
    async with mail_server() as peer:
        assert await mailer().send(plain(peer), MAIL, 5) == Answer(250)

    (raw,) = peer.mails
    message = read(raw)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert (text.get_content().strip(), html.get_content().strip()) == ("Text.", "<p>HTML")
    assert (message["Subject"], message["Message-ID"]) == ("A budget", "<msg_1@contoso.example>")
    assert [line for line in peer.envelopes if line.startswith("rcpt")] == [
        "rcpt to:<ada@contoso.example>",
        "rcpt to:<bo@contoso.example>",
    ]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_passwords_and_mail_go_through_tls_only(security: str) -> None:
    async with mail_server(server_tls(), implicit=security == "tls", login=("gateway", "hunter2!")) as peer:
        server = MailServer("localhost", peer.port, security, "gateway", Secret("hunter2!"))  # type: ignore[arg-type]
        assert await mailer().send(server, MAIL, 5) == Answer(250)

    assert peer.tls_before == [True]
    if security == "starttls":
        assert peer.commands.index("STARTTLS") < peer.commands.index("AUTH")


async def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    async with mail_server(login=("gateway", "hunter2!")) as peer:
        server = MailServer("localhost", peer.port, "starttls", "gateway", Secret("hunter2!"))
        assert await mailer().send(server, MAIL, 5) == Answer(502)

    assert "AUTH" not in peer.commands
    assert peer.mails == []


async def test_a_certificate_of_nobody_we_know_is_refused() -> None:
    async with mail_server(server_tls()) as peer:
        server = MailServer("localhost", peer.port, "starttls", "gateway", Secret("hunter2!"))
        with pytest.raises(Unreachable) as failure:
            await SmtpMailer(FakeClock()).send(server, MAIL, 5)

    assert (failure.value.reason, failure.value.may_have_arrived) == ("tls", False)
    assert "AUTH" not in peer.commands


async def test_a_wrong_password_is_a_refusal_and_is_not_told() -> None:
    async with mail_server(server_tls(), login=("gateway", "right")) as peer:
        server = MailServer("localhost", peer.port, "starttls", "gateway", Secret("hunter2!"))
        assert await mailer().send(server, MAIL, 5) == Answer(535)


async def test_a_password_that_smtp_cannot_carry_is_not_in_the_error() -> None:
    async with mail_server(server_tls(), login=("gateway", "x")) as peer:
        server = MailServer("localhost", peer.port, "starttls", "gateway", Secret("hünter2"))
        with pytest.raises(Unreachable) as failure:
            await mailer().send(server, MAIL, 5)

    assert failure.value.__suppress_context__
    assert "nter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("command", "line", "answer"),
    [
        ("MAIL", "550 not you", Answer(550)),
        ("RCPT", "452 full", Answer(452)),
        ("DATA", "451 later", Answer(451)),
        (".", "554 spam", Answer(554)),
    ],
)
async def test_refusals_keep_their_code(command: str, line: str, answer: Answer) -> None:
    async with mail_server() as peer:
        peer.refusals[command] = line
        assert await mailer().send(plain(peer), MAIL, 5) == answer


async def test_a_mail_that_was_taken_counts_whatever_is_said_at_the_end() -> None:
    async with mail_server() as peer:
        peer.refusals["QUIT"] = "500 never heard of it"
        assert await mailer().send(plain(peer), MAIL, 5) == Answer(250)


@pytest.mark.parametrize(("command", "may_have_arrived"), [("EHLO", False), ("DATA", True)])
async def test_a_server_that_hangs_up_is_unreachable(command: str, may_have_arrived: bool) -> None:
    async with mail_server() as peer:
        peer.hangs_up_at = command
        with pytest.raises(Unreachable) as failure:
            await mailer().send(plain(peer), MAIL, 5)

    assert failure.value.may_have_arrived == may_have_arrived


async def test_where_nobody_listens_nothing_has_arrived() -> None:
    with pytest.raises(Unreachable) as failure:
        await mailer().send(MailServer("127.0.0.1", 1, "none"), MAIL, 5)

    assert (failure.value.reason, failure.value.may_have_arrived) == ("connect", False)


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_becomes_a_header(title: str, value: str) -> None:
    now = FakeClock().now()
    notice = Notice("n", "report", "info", f"x\r\nBcc: eve@evil.example\r\n{title}", value, now, (("Team", value),))
    mail = mail_of(notice.bounded(), "msg_1", MAIL.sender, MAIL.recipients)

    message = read(message_of(mail, DATE).as_bytes())

    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert message["To"] == "ada@contoso.example, bo@contoso.example"


def test_a_subject_with_a_line_break_is_never_sent() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        message_of(Mail("msg_1", MAIL.sender, MAIL.recipients, "a\nBcc: eve@evil.example", "", ""), DATE)
