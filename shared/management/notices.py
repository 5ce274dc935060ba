"""What people were told, over which channels, and whether it arrived."""

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime

from shared.alerts.model import Delivery, Notice
from shared.directory.model import Role
from shared.fields import Name, Strict
from shared.management.call import Answer, Call
from shared.management.ledger import books_of
from shared.management.paging import Cursors, page_of
from shared.management.problems import Absent
from shared.management.spending import Value


class FactAnswer(Strict):
    label: str
    value: str


class NoticeAnswer(Strict):
    """What happened, once for each `id`. `team` is null for what concerns an area or everybody."""

    id: str
    kind: str
    severity: str
    title: str
    text: str
    at: AwareDatetime
    facts: tuple[FactAnswer, ...]
    team: str | None
    scope: str | None
    link: str | None


class DeliveryAnswer(Strict):
    """A notice on its way over a channel. `last_status` is what the receiver answered, as a number or one word."""

    notice: str
    channel: str
    kind: str
    severity: str
    title: str
    team: str | None
    at: AwareDatetime
    state: str
    attempts: int
    last_status: str | None
    next_at: AwareDatetime | None


class DeliveryChoice(Strict):
    notice: Value
    channel: Name


class ChannelAnswer(Strict):
    """`most_per_hour` messages go out in any hour. Where to is in the configuration, or is a secret."""

    name: str
    kind: str
    most_per_hour: int


class ChannelList(Strict):
    data: tuple[ChannelAnswer, ...]


class Tried(Strict):
    """`result` is `delivered`, or a word or a status that says what went wrong."""

    channel: str
    result: str


async def notices(call: Call) -> Answer:
    team = call.caller.team if call.caller.role is Role.TEAM_ADMIN else None

    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Notice], str | None]:
        return await books_of(call).alerting.notices.page(team, limit, cursor)

    async def show(notice: Notice) -> dict[str, Any]:
        return _notice(notice)

    cursors = Cursors(call.parts.pepper, f"notices {team}")
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


async def deliveries(call: Call) -> Answer:
    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Delivery], str | None]:
        return await books_of(call).alerting.deliveries.page(limit, cursor)

    async def show(delivery: Delivery) -> dict[str, Any]:
        return _delivery(delivery)

    cursors = Cursors(call.parts.pepper, "deliveries")
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


async def retry(call: Call) -> Answer:
    notice, channel = call.body.notice, call.body.channel
    await call.parts.store.note(call.actor, "delivery.retry", f"channels/{channel}", call.request_id)
    found = await books_of(call).alerting.deliveries.retry(f"{notice}|{channel}")
    if found is None:
        raise Absent("There is no such delivery.")
    return Answer(_delivery(found))


async def channels(call: Call) -> Answer:
    configured = books_of(call).alerting.channels
    shown = [{"name": each.name, "kind": each.kind, "most_per_hour": each.most_per_hour} for each in configured]
    return Answer({"data": shown})


async def test(call: Call) -> Answer:
    channel, alerting = call.path["channel"], books_of(call).alerting
    if channel not in {each.name for each in alerting.channels}:
        raise Absent(f"There is no channels/{channel}.")
    await call.parts.store.note(call.actor, "channel.test", f"channels/{channel}", call.request_id)
    return Answer({"channel": channel, "result": await alerting.try_channel(channel) or "gone"})


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "kind": notice.kind,
        "severity": notice.severity,
        "title": notice.title,
        "text": notice.text,
        "at": notice.at.isoformat(),
        "facts": [{"label": label, "value": value} for label, value in notice.facts],
        "team": notice.team,
        "scope": notice.scope,
        "link": notice.link,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "notice": delivery.notice,
        "channel": delivery.channel,
        "kind": delivery.kind,
        "severity": delivery.severity,
        "title": delivery.title,
        "team": delivery.team,
        "at": delivery.at.isoformat(),
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "last_status": delivery.last_status,
        "next_at": delivery.next_at.isoformat() if delivery.next_at else None,
    }
