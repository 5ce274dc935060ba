"""What delivering needs from outside: somebody who posts, somebody who mails, and the answers that they bring back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.redaction import Secret


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and for how many seconds the receiver wants to be left alone."""

    status: int
    retry_after_s: float | None = None


class Unreachable(Exception):
    """No answer. `reason` is one word for the delivery record, without the address; `may_have_arrived`: the message went out."""

    def __init__(self, reason: str, *, may_have_arrived: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class WebClient(Protocol):
    """Posts without following redirects, and reads next to nothing of the answer."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        """Return the status whatever it is. Raises Unreachable."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Mail:
    """`id` stays the same when it is sent again."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str | None = None
    password: Secret | None = field(default=None, repr=False)


class Mailer(Protocol):
    """Speaks SMTP."""

    async def send(self, server: MailServer, mail: Mail, timeout_s: float) -> Answer:
        """Return the server's reply code, 250 where it took the mail for everybody. Raises Unreachable."""


class MailService(Protocol):
    """A cloud's own way of sending mail."""

    async def send(self, endpoint: str, client_id: str | None, mail: Mail, timeout_s: float) -> Answer:
        """Return the status, 202 where it took the mail. Raises Unreachable, and CredentialUnavailable."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Everything that alerts leave by."""

    web: WebClient
    mailer: Mailer
    mail_service: MailService
