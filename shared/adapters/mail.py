"""Sends mail by SMTP, with the standard library in a thread of its own."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

from shared.alerts.ports import Answer, Mail, MailServer, Unreachable
from shared.clock import Clock

_ACCEPTED = 250


class SmtpMailer:
    """A Mailer. `tls` makes the context that servers are checked with; by default the system's authorities count."""

    def __init__(self, clock: Clock, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> None:
        self._clock, self._tls = clock, tls

    async def send(self, server: MailServer, mail: Mail, timeout_s: float) -> Answer:
        """Return 250 or the code of the refusal. Raises Unreachable.

        `timeout_s` is for each step of the dialogue. Errors are raised without their cause, which may repeat what was sent.
        """
        message = message_of(mail, self._clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000"))
        return await asyncio.to_thread(self._send, server, mail, message, timeout_s)

    def _send(self, server: MailServer, mail: Mail, message: EmailMessage, timeout_s: float) -> Answer:
        is_sending = is_sent = False
        try:
            with self._connect(server, timeout_s) as connection:
                connection.ehlo_or_helo_if_needed()
                if server.username is not None and server.password is not None:
                    connection.login(server.username, server.password.reveal())
                is_sending = True
                connection.send_message(message, mail.sender, list(mail.recipients))
                is_sent = True
        except (smtplib.SMTPException, OSError) as error:
            if is_sent:  # Only the goodbye failed.
                return Answer(_ACCEPTED)
            answer = _answer(error)
            if answer is None:
                raise Unreachable(_reason(error), may_have_arrived=is_sending) from None
            return answer
        except ValueError:  # A password that is not ASCII; the library's error holds it.
            raise Unreachable("login_not_ascii", may_have_arrived=False) from None
        return Answer(_ACCEPTED)

    def _connect(self, server: MailServer, timeout_s: float) -> smtplib.SMTP:
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=timeout_s, context=self._tls())
        connection = smtplib.SMTP(server.host, server.port, timeout=timeout_s)
        if server.security == "starttls":
            try:
                connection.starttls(context=self._tls())
            except (smtplib.SMTPException, OSError):
                connection.close()
                raise
        return connection


def message_of(mail: Mail, date: str) -> EmailMessage:
    """Return the mail with both parts. A line break in a header is refused by the library with ValueError, and never sent."""
    message = EmailMessage(policy=SMTP)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = mail.subject
    message["Date"] = date
    message["Message-ID"] = f"<{mail.id}@{mail.sender.partition('@')[2]}>"
    # So that no holiday notice answers an alert.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _answer(error: Exception) -> Answer | None:
    """Return the server's refusal; None where it did not answer.

    A mail that is refused for all recipients has the mildest of their codes: it may go through for that one later.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return Answer(min(code for code, _ in error.recipients.values()))
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return Answer(error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        # A server that offers no TLS or no login today will not either in a minute.
        return Answer(502)
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "connection_lost" if isinstance(error, smtplib.SMTPServerDisconnected) else "connect"
