"""What delivering alerts is tested with: a scripted web, a mailer and secrets that answer what they are told to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.alerts.model import AlertingConfig, Notice
from shared.alerts.ports import Answer, Mail, MailServer, Unreachable
from shared.alerts.store import NoticeStore
from shared.documents import DocumentStore
from shared.jobs.alert_channels import Channels
from shared.jobs.deliver_alert import AlertDelivery
from shared.providers.port import CredentialUnavailable, SecretUnavailable
from shared.redaction import Secret
from shared.telemetry.instruments import ALERTS_DELIVERED
from shared.telemetry.model import Instrument
from tests.fakes import FakeClock

ADDRESS = "https://hooks.example/secret-path"
CONFIG = {
    "channels": [
        {"kind": "slack", "name": "ops", "secret_ref": "env:SLACK"},
        {"kind": "webhook", "name": "hook", "url": "https://hook.example/in", "secret_ref": "env:KEY"},
    ],
    "routes": [{"channels": ["ops", "hook"]}],
    "console": "https://console.example",
}


@dataclass(slots=True)
class Posted:
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Outside:
    """Every way out. `answers` are used up one by one; then `answer` counts. `on_send` is called before each answer."""

    answer: Answer | Exception = field(default_factory=lambda: Answer(200))
    answers: list[Answer | Exception] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=lambda: {"env:SLACK": ADDRESS, "env:KEY": "signing-key"})
    posts: list[Posted] = field(default_factory=list)
    mails: list[tuple[MailServer | str, Mail]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    on_send: Callable[[], None] | None = None
    told: list[dict[str, str]] = field(default_factory=list)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        self.posts.append(Posted(url, headers, body))
        return self._next()

    async def resolve(self, ref: str) -> Secret:
        if ref not in self.secrets:
            raise SecretUnavailable(ref, "not there")
        return Secret(self.secrets[ref])

    def invalidate(self, ref: str) -> None:
        self.forgotten.append(ref)

    async def close(self) -> None:
        pass

    def to(self, host: str) -> list[Posted]:
        return [post for post in self.posts if post.url.startswith(f"https://{host}/")]

    def channels(self, clock: FakeClock) -> Channels:
        return Channels(self, SmtpOutside(self), CloudOutside(self), self, clock)

    def delivery(self, documents: DocumentStore, clock: FakeClock, config: object = CONFIG) -> AlertDelivery:
        alerting = AlertingConfig.model_validate(config) if config is not None else None
        return AlertDelivery(documents, clock, alerting, self.channels(clock), self._tell)

    def _tell(self, instrument: Instrument, **attributes: str) -> None:
        assert instrument is ALERTS_DELIVERED
        self.told.append(attributes)

    def _next(self) -> Answer:
        if self.on_send is not None:
            self.on_send()
        answer = self.answers.pop(0) if self.answers else self.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def mailed(self, server: MailServer | str, mail: Mail) -> Answer:
        self.mails.append((server, mail))
        return self._next()


@dataclass(slots=True)
class SmtpOutside:
    outside: Outside

    async def send(self, server: MailServer, mail: Mail, timeout_s: float) -> Answer:
        return self.outside.mailed(server, mail)


@dataclass(slots=True)
class CloudOutside:
    outside: Outside

    async def send(self, endpoint: str, client_id: str | None, mail: Mail, timeout_s: float) -> Answer:
        return self.outside.mailed(endpoint, mail)


async def stored(documents: DocumentStore, clock: FakeClock, *notices: Notice) -> list[bytes]:
    """Store notices as the board does, and return the messages that would be published."""
    for notice in notices:
        await NoticeStore(documents).add(notice, clock.now())
    return [f'{{"id": "{notice.id}"}}'.encode() for notice in notices]


TIMEOUT = Unreachable("timeout", may_have_arrived=True)
REFUSED = Unreachable("connect", may_have_arrived=False)
NO_TOKEN = CredentialUnavailable("nobody is signed in")
