"""What people are told: a notice, the channels that it goes to, and the record of each delivery."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.fields import Few, Label, Name, SecretRef, SomeFew, Strict, is_loopback

type NoticeKind = Literal[
    "budget", "anomaly", "unpriced", "reconciliation", "dead_letter", "report", "period", "digest"
]
type Severity = Literal["info", "warning", "critical"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
MOST_FACTS = 20
_TITLE, _TEXT, _LABEL, _FACT, _LINK = 150, 2000, 60, 200, 500
# What a message of Service Bus may be called, which is called like its notice; and what the name of a document may not hold.
_ID = re.compile(r"[^/\\?#\x00-\x1f\x7f]{1,128}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know. The id is made of what happened, so that it is told once, whoever sees it.

    `facts` are pairs of label and value. `team` is None for what is of the organization or an area; `link` leads to more.
    Raises ValueError for an id that cannot be stored.
    """

    id: str
    kind: NoticeKind
    severity: Severity
    title: str
    text: str
    at: datetime
    facts: tuple[tuple[str, str], ...] = ()
    team: str | None = None
    scope: str | None = None
    link: str | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError("the id of a notice has 1 to 128 characters, without control characters and /\\?#")

    def bounded(self) -> "Notice":
        """Return the notice with everything in it as long as channels take, and without what could change how it is read."""
        return replace(
            self,
            title=_line(self.title, _TITLE),
            text=_shown(self.text, _TEXT),
            facts=tuple((_line(label, _LABEL), _line(value, _FACT)) for label, value in self.facts[:MOST_FACTS]),
            link=self.link if self.link is not None and _is_link(self.link) else None,
        )


def _shown(text: str, most: int) -> str:
    cleaned = _CONTROL.sub(" ", text)
    return cleaned if len(cleaned) <= most else f"{cleaned[: most - 1]}…"


def _line(text: str, most: int) -> str:
    return _shown(text.replace("\n", " "), most)


def _is_link(link: str) -> bool:
    return len(link) <= _LINK and is_safe_address(link)


class State(StrEnum):
    """PENDING: to be sent, or being sent, or to be tried again. SUPPRESSED: too many at once; a digest tells of it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice on its way to one channel. `next_at` is when a pending one is tried again, and until then it is in somebody's hands.

    `last_status` is an HTTP or SMTP status or one word, never what the receiver said. `held_at` is when it was suppressed.
    """

    notice: str
    channel: str
    kind: NoticeKind
    severity: Severity
    title: str
    team: str | None
    at: datetime
    state: State = State.PENDING
    attempts: int = 0
    last_status: str | None = None
    next_at: datetime | None = None
    held_at: datetime | None = None

    @property
    def id(self) -> str:
        return f"{self.notice}|{self.channel}"

    @classmethod
    def of(cls, notice: Notice, channel: str, now: datetime) -> "Delivery":
        return cls(notice.id, channel, notice.kind, notice.severity, notice.title, notice.team, now)


def _host(value: str) -> str | None:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    has_credentials = parts.username is not None or parts.password is not None
    if not host or port == 0 or has_credentials or parts.fragment or any(c.isspace() or ord(c) < 33 for c in value):
        return None
    return host if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)) else None


def is_safe_address(value: str) -> bool:
    """Whether something may be posted there: https, or http to this machine; neither credentials nor a fragment."""
    return len(value) <= 2048 and value.isascii() and _host(value) is not None


def _address(value: str) -> str:
    if not is_safe_address(value):
        raise ValueError("must be an https address without credentials and fragment; http is allowed to loopback only")
    return value.rstrip("/")


HttpsAddress = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_address)]
Mailbox = Annotated[
    str,
    StringConstraints(
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*$",
    ),
]
"""An e-mail address as it may stand in a header and in an envelope: no name, no quoting, no line break."""


class _Channel(Strict):
    """`most_per_hour` messages go out in any hour; what is beyond that is told in one digest an hour."""

    name: Name
    most_per_hour: Annotated[int, Field(ge=1, le=500)] = 20

    def secret_refs(self) -> Iterator[str]:
        """Yield the references that must resolve before anything can be sent."""
        reference = getattr(self, "secret_ref", None)
        if isinstance(reference, str):
            yield reference


class TeamsChannel(_Channel):
    """`secret_ref` is of the address that the Workflows app of Teams gave: whoever has it can post."""

    kind: Literal["teams"]
    secret_ref: SecretRef


class SlackChannel(_Channel):
    """`secret_ref` is of the address of an incoming webhook: whoever has it can post."""

    kind: Literal["slack"]
    secret_ref: SecretRef


class WebhookChannel(_Channel):
    """`secret_ref` is of the key that messages are signed with: text, or `whsec_` and base64."""

    kind: Literal["webhook"]
    url: HttpsAddress
    secret_ref: SecretRef


class SmtpChannel(_Channel):
    """A mail server. `security` is `starttls` (587), `tls` (465) or, on this machine only, `none`."""

    kind: Literal["smtp"]
    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252})$")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Label | None = None
    secret_ref: SecretRef | None = None
    sender: Mailbox
    recipients: SomeFew[Mailbox]

    @model_validator(mode="after")
    def _is_protected(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("mail without TLS is allowed to loopback only")
        if (self.username is None) != (self.secret_ref is None):
            raise ValueError("`username` and `secret_ref` go together")
        return self


class AcsEmailChannel(_Channel):
    """Azure Communication Services, called with the managed identity (`client_id` picks a user-assigned one)."""

    kind: Literal["acs_email"]
    endpoint: HttpsAddress
    client_id: str | None = None
    sender: Mailbox
    recipients: SomeFew[Mailbox]


type ChannelConfig = Annotated[
    TeamsChannel | SlackChannel | WebhookChannel | SmtpChannel | AcsEmailChannel, Field(discriminator="kind")
]


class AlertRoute(Strict):
    """Notices that meet every condition go to every channel; an empty list is no condition.

    Where `teams` are named, notices of the whole organization do not match.
    """

    kinds: Few[NoticeKind] = ()
    teams: Few[Name] = ()
    min_severity: Severity = "info"
    channels: SomeFew[Name]

    def matches(self, notice: Notice) -> bool:
        return (
            (not self.kinds or notice.kind in self.kinds)
            and (not self.teams or notice.team in self.teams)
            and SEVERITIES.index(notice.severity) >= SEVERITIES.index(self.min_severity)
        )


class AlertingConfig(Strict):
    """Where notices go. `console` is the address of the gateway's pages: messages link there."""

    channels: SomeFew[ChannelConfig]
    routes: SomeFew[AlertRoute]
    console: HttpsAddress | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [channel.name for channel in self.channels]
        if len(set(names)) < len(names):
            raise ValueError("two of the `channels` have the same name")
        if missing := sorted({name for route in self.routes for name in route.channels} - set(names)):
            raise ValueError(f"no channel is named {missing[0]!r}")
        return self

    def channel(self, name: str) -> ChannelConfig | None:
        return next((channel for channel in self.channels if channel.name == name), None)

    def channels_for(self, notice: Notice) -> tuple[str, ...]:
        """Return the names of the channels that the notice goes to, each once, in the order of the configuration."""
        wanted = {name for route in self.routes if route.matches(notice) for name in route.channels}
        return tuple(channel.name for channel in self.channels if channel.name in wanted)

    def secret_refs(self) -> tuple[str, ...]:
        """Return every reference that a channel needs, for whoever checks the configuration."""
        return tuple(reference for channel in self.channels for reference in channel.secret_refs())
