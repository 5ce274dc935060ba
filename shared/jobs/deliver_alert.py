"""Brings notices to their channels: each delivery by itself, claimed before it is sent, tried again while that makes sense."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from shared.alerts.model import AlertingConfig, ChannelConfig, Delivery, Notice, State
from shared.alerts.store import Claimed, DeliveryStore, LogStore, NoticeStore, Sent
from shared.alerts.storm import SETTLE, Sum, admitted, digest_due, digest_id, digest_of, withdrawn
from shared.clock import Clock
from shared.documents import DocumentStore, StoreUnavailable
from shared.ids import new_id
from shared.jobs.alert_channels import Channels, Outcome, Verdict
from shared.runtime import Runtime
from shared.telemetry.instruments import ALERTS_DELIVERED

BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
CLAIM = timedelta(minutes=1)
"""How long a delivery is in the hands of who took it; longer than any send, so that nobody else sends it meanwhile."""

AT_ONCE = 8
_DUE = 100
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_WAIT = BACKOFF[-1]
_log = logging.getLogger("tollgate.alerts")


class MessageInvalid(ValueError):
    """A message that names no notice, and will not name one by trying again."""


@dataclass(slots=True)
class Delivered:
    """What one run did."""

    delivered: int = 0
    postponed: int = 0
    failed: int = 0
    suppressed: int = 0

    def count(self, state: State) -> None:
        name = "postponed" if state is State.PENDING else state.value
        setattr(self, name, getattr(self, name) + 1)


class AlertDelivery:
    """Every method raises StoreUnavailable, and may then be called again: what was sent and recorded is not sent twice.

    What was sent and could not be recorded is sent again once its claim is over. Webhooks and mails keep their id then.
    """

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        config: AlertingConfig | None,
        channels: Channels,
        tell: Callable[..., None] = lambda instrument, **attributes: None,
    ) -> None:
        """`tell` is `Telemetry.count`, and hears how every attempt to send ended."""
        self._notices, self._deliveries, self._logs = (
            NoticeStore(documents),
            DeliveryStore(documents),
            LogStore(documents),
        )
        self._clock, self._config, self._channels, self._tell = clock, config, channels, tell
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._turns: dict[str, asyncio.Lock] = {}

    async def deliver(self, bodies: Sequence[bytes]) -> Delivered:
        """Deliver the notices that a batch of messages names. Raises MessageInvalid, once all others are done."""
        done = Delivered()
        ids = dict.fromkeys(_notice_in(body) for body in bodies)
        await _all(self._deliver(id, done) for id in ids if id is not None)
        if None in ids:
            raise MessageInvalid("a message names no notice")
        return done

    async def sweep(self) -> Delivered:
        """Take up what is due again or was left behind, and sum up what was held back."""
        done = Delivered()
        if self._config is not None:
            for channel in self._config.channels:
                await self._digest(channel)
        due = await self._deliveries.due(self._clock.now(), _DUE)
        await _all(self._take_up(found, done) for found in due)
        return done

    async def try_channel(self, channel: str) -> str | None:
        """Send a test to a channel, and say in a word what became of it; None where there is no such channel."""
        found = self._config.channel(channel) if self._config is not None else None
        if found is None:
            return None
        now = self._clock.now()
        text = "This is a test. Whoever reads it will also read what this channel is told."
        test = Notice(new_id("test", now), "report", "info", "A test of this channel", text, now)
        outcome = await self._channels.send(found, test)
        return "delivered" if outcome.verdict is Verdict.DELIVERED else outcome.status

    async def _deliver(self, id: str, done: Delivered) -> None:
        async with self._turn:
            notice = await self._notices.get(id)
            if notice is None:
                return  # It was kept for longer than anybody will want to hear of it.
            names = self._config.channels_for(notice) if self._config is not None else ()
            opened = [await self._open(notice, name) for name in names]
            await self._notices.routed(id)
            await _all(self._send(claimed, notice, done) for claimed in opened if claimed is not None)

    async def _open(self, notice: Notice, channel: str) -> Claimed | None:
        delivery = Delivery.of(notice, channel, self._clock.now())
        return await self._deliveries.open(self._claim(delivery))

    async def _take_up(self, found: Claimed, done: Delivered) -> None:
        async with self._turn:
            claimed = await self._deliveries.save(found, self._claim(found.delivery))
            if claimed is None:
                return
            notice = await self._notices.get(claimed.delivery.notice)
            if notice is not None:
                await self._send(claimed, notice, done)
            else:
                await self._record(claimed, Outcome(Verdict.FINAL, "notice_missing"), done)

    def _claim(self, delivery: Delivery) -> Delivery:
        return replace(delivery, attempts=delivery.attempts + 1, next_at=self._clock.now() + CLAIM)

    async def _send(self, claimed: Claimed, notice: Notice, done: Delivered) -> None:
        channel = self._config.channel(claimed.delivery.channel) if self._config is not None else None
        if channel is None:
            await self._record(claimed, Outcome(Verdict.FINAL, "channel_missing"), done)
            return
        message = await self._admit(channel, notice)
        if message is None:
            await self._suppress(claimed, done)
            return
        outcome = await self._channels.send(channel, notice)
        self._tell(ALERTS_DELIVERED, channel=channel.kind, outcome=outcome.verdict.value)
        await self._record(claimed, outcome, done)
        if outcome.verdict is not Verdict.DELIVERED and not outcome.may_have_arrived:
            await self._withdraw(channel, message)

    async def _admit(self, channel: ChannelConfig, notice: Notice) -> Sent | None:
        """Note a message in the channel's log before it is sent, and return the note; None where there were too many.

        Digests are not counted: they come an hour apart by themselves.
        """
        message, most = Sent(self._clock.now(), notice.team), channel.most_per_hour
        if notice.kind == "digest":
            return message
        async with self._turns.setdefault(channel.name, asyncio.Lock()):
            while log := admitted(await self._logs.read(channel.name), most, message, notice.severity):
                if await self._logs.save(log):
                    return message
        return None

    async def _withdraw(self, channel: ChannelConfig, message: Sent) -> None:
        while not await self._logs.save(withdrawn(await self._logs.read(channel.name), message)):
            continue

    async def _suppress(self, claimed: Claimed, done: Delivered) -> None:
        held = replace(claimed.delivery, state=State.SUPPRESSED, next_at=None, held_at=self._clock.now())
        if await self._deliveries.save(claimed, held):
            done.count(held.state)

    async def _record(self, claimed: Claimed, outcome: Outcome, done: Delivered) -> None:
        delivery = self._after(claimed.delivery, outcome)
        if delivery.state is State.FAILED:
            _log.error("notice %s was not delivered to %s: %s", delivery.notice, delivery.channel, outcome.status)
        if await self._deliveries.save(claimed, delivery):
            done.count(delivery.state)

    def _after(self, delivery: Delivery, outcome: Outcome) -> Delivery:
        recorded = replace(delivery, last_status=outcome.status, next_at=None)
        if outcome.verdict is Verdict.DELIVERED:
            return replace(recorded, state=State.DELIVERED)
        if outcome.verdict is Verdict.FINAL or delivery.attempts > len(BACKOFF):
            return replace(recorded, state=State.FAILED)
        asked = timedelta(seconds=outcome.retry_after_s or 0)
        wait = min(max(BACKOFF[delivery.attempts - 1], asked), _LONGEST_WAIT)
        return replace(recorded, next_at=self._clock.now() + wait)

    async def _digest(self, channel: ChannelConfig) -> None:
        """Make the digest of a channel if one is due; it is then delivered like everything else.

        Whoever dies in between, or is overtaken, has made a digest that the next one finds again by its id.
        """
        log, now = await self._logs.read(channel.name), self._clock.now()
        since, until = log.told_until or _EVER, now - SETTLE
        first = await self._deliveries.first_held(channel.name, since)
        if first is None or not digest_due(first, log, now):
            return
        held = Sum()
        async for delivery in self._deliveries.held(channel.name, since, until):
            held.add(delivery)
        link = self._config.console if self._config is not None else None
        await self._notices.add(digest_of(digest_id(channel.name, first), held, first, until, link).bounded(), now)
        notice = await self._notices.get(digest_id(channel.name, first))
        if notice is not None:
            await self._deliveries.open(replace(Delivery.of(notice, channel.name, now), next_at=now))
            await self._notices.routed(notice.id)
            await self._logs.save(replace(log, told_until=notice.at))


def delivery_of(runtime: Runtime) -> AlertDelivery:
    """Put together what delivers, from what the process has."""
    out = runtime.bookkeeping.outgoing
    channels = Channels(out.web, out.mailer, out.mail_service, runtime.secrets, runtime.clock)
    return AlertDelivery(runtime.documents, runtime.clock, runtime.config.alerting, channels, runtime.telemetry.count)


def _notice_in(body: bytes) -> str | None:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    id = message.get("id") if isinstance(message, dict) else None
    return id if isinstance(id, str) else None


async def _all(work: Iterable[object]) -> None:
    """Run everything to its end before the first failure is raised: one channel's trouble is not another's."""
    outcomes = await asyncio.gather(*work, return_exceptions=True)  # type: ignore[call-overload]
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, StoreUnavailable):
            raise outcome
    for outcome in outcomes:
        if isinstance(outcome, StoreUnavailable):
            raise outcome
