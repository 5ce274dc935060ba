"""Brings one notice to one channel, and says how that went."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.alerts.mail import mail_of
from shared.alerts.model import (
    AcsEmailChannel,
    ChannelConfig,
    Notice,
    SlackChannel,
    SmtpChannel,
    TeamsChannel,
    WebhookChannel,
    is_safe_address,
)
from shared.alerts.ports import Answer, Mailer, MailServer, MailService, Unreachable, WebClient
from shared.alerts.slack import slack_message
from shared.alerts.teams import teams_message
from shared.alerts.webhook import signed_headers, webhook_body, webhook_id
from shared.clock import Clock
from shared.providers.port import CredentialUnavailable, SecretSource, SecretUnavailable

TIMEOUT_S = 10.0
_JSON = {"content-type": "application/json", "user-agent": "tollgate"}
_PASSING = frozenset({408, 425, 429})


class Verdict(StrEnum):
    """PASSING: another try may succeed. FINAL: it would be refused again."""

    DELIVERED = "delivered"
    PASSING = "passing"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is a number or one word, for the record. `may_have_arrived`: it was sent, and nobody said what became of it."""

    verdict: Verdict
    status: str
    retry_after_s: float | None = None
    may_have_arrived: bool = False


class Channels:
    """Every kind of channel. Addresses and keys that are secret are looked up for each message, and kept nowhere."""

    def __init__(
        self, web: WebClient, mailer: Mailer, mail_service: MailService, secrets: SecretSource, clock: Clock
    ) -> None:
        self._web, self._mailer, self._mail_service = web, mailer, mail_service
        self._secrets, self._clock = secrets, clock

    async def send(self, channel: ChannelConfig, notice: Notice) -> Outcome:
        """Send the notice once. Whatever goes wrong is told in the outcome, without an address or a secret."""
        try:
            answer = await self._send(channel, notice)
        except Unreachable as failure:
            return Outcome(Verdict.PASSING, failure.reason, may_have_arrived=failure.may_have_arrived)
        except SecretUnavailable:
            return Outcome(Verdict.PASSING, "secret_unavailable")
        except CredentialUnavailable:
            return Outcome(Verdict.PASSING, "credential_unavailable")
        except _Misconfigured as mistake:
            return Outcome(Verdict.FINAL, mistake.reason)
        if isinstance(channel, SmtpChannel):
            return _mail_outcome(answer)
        return _web_outcome(answer)

    async def _send(self, channel: ChannelConfig, notice: Notice) -> Answer:
        id = webhook_id(notice.id, channel.name)
        match channel:
            case TeamsChannel():
                return await self._post_to_secret(channel.secret_ref, teams_message(notice))
            case SlackChannel():
                return await self._post_to_secret(channel.secret_ref, slack_message(notice))
            case WebhookChannel():
                return await self._post_signed(channel, notice, id)
            case SmtpChannel():
                mail = mail_of(notice, id, channel.sender, channel.recipients)
                return await self._mailer.send(await self._server(channel), mail, TIMEOUT_S)
            case AcsEmailChannel():
                # The service knows a message that it gets again by an id of this form.
                operation = str(UUID(id.removeprefix("msg_")))
                mail = mail_of(notice, operation, channel.sender, channel.recipients)
                return await self._mail_service.send(channel.endpoint, channel.client_id, mail, TIMEOUT_S)

    async def _post_to_secret(self, ref: str, body: bytes) -> Answer:
        address = (await self._secrets.resolve(ref)).reveal().strip()
        if not is_safe_address(address):
            raise _Misconfigured("address_not_https")
        answer = await self._web.post(address, _JSON, body, TIMEOUT_S)
        if answer.status in (401, 403, 404, 410):
            # The address may have been replaced since the secret was read.
            self._secrets.invalidate(ref)
        return answer

    async def _post_signed(self, channel: WebhookChannel, notice: Notice, id: str) -> Answer:
        body = webhook_body(notice)
        secret = await self._secrets.resolve(channel.secret_ref)
        try:
            headers = signed_headers(id, body, secret, self._clock.now())
        except ValueError:
            raise _Misconfigured("signing_secret_invalid") from None
        return await self._web.post(channel.url, {**_JSON, **headers}, body, TIMEOUT_S)

    async def _server(self, channel: SmtpChannel) -> MailServer:
        password = await self._secrets.resolve(channel.secret_ref) if channel.secret_ref is not None else None
        return MailServer(channel.host, channel.port, channel.security, channel.username, password)


class _Misconfigured(Exception):
    """Only an operator can mend it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _web_outcome(answer: Answer) -> Outcome:
    """2xx is delivered. A redirect is not followed, and a refusal that does not pass is not repeated."""
    if 200 <= answer.status < 300:
        return Outcome(Verdict.DELIVERED, str(answer.status))
    is_passing = answer.status in _PASSING or answer.status >= 500
    return Outcome(Verdict.PASSING if is_passing else Verdict.FINAL, str(answer.status), answer.retry_after_s)


def _mail_outcome(answer: Answer) -> Outcome:
    """RFC 5321, 4.2.1: 2yz is done, 4yz passes, 5yz does not."""
    if 200 <= answer.status < 300:
        return Outcome(Verdict.DELIVERED, str(answer.status))
    return Outcome(Verdict.PASSING if answer.status < 500 else Verdict.FINAL, str(answer.status))
