"""Every notice reaches every channel once as far as anybody can see, whatever dies in between, and never as a storm."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from shared.alerts.model import Delivery, Notice, State
from shared.alerts.ports import Answer
from shared.alerts.service import DeliveryLog, NoticeBoard
from shared.alerts.store import DeliveryStore, NoticeStore
from shared.documents import StoreUnavailable
from shared.jobs.deliver_alert import BACKOFF, Delivered, MessageInvalid
from tests.fakes import FakeClock, MemoryDocuments, MemoryEvents
from tests.shared.jobs.alerting import CONFIG, REFUSED, TIMEOUT, Outside, stored
from tests.shared.watched_documents import Dying, port

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTICE = Notice("n1", "budget", "warning", "T", "X", NOW, team="search")
SLACK, HOOK = "hooks.example", "hook.example"
ONE_CHANNEL = {**CONFIG, "channels": CONFIG["channels"][:1], "routes": [{"channels": ["ops"]}]}  # type: ignore[index]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


@pytest.fixture
def outside() -> Outside:
    return Outside()


async def log_of(documents: MemoryDocuments, clock: FakeClock) -> dict[str, Delivery]:
    deliveries, _ = await DeliveryLog(documents, clock).page(limit=20_000)
    return {delivery.id: delivery for delivery in deliveries}


async def test_a_notice_goes_to_every_channel_of_its_routes_and_is_recorded(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    delivery = outside.delivery(documents, clock)

    assert await delivery.deliver(await stored(documents, clock, NOTICE)) == Delivered(delivered=2)
    log = await log_of(documents, clock)
    assert {id: (each.state, each.attempts, each.last_status) for id, each in log.items()} == {
        "n1|ops": (State.DELIVERED, 1, "200"),
        "n1|hook": (State.DELIVERED, 1, "200"),
    }
    clock.advance(3600)
    assert await NoticeStore(documents).unrouted(clock.now(), 10) == []


async def test_a_message_that_is_delivered_again_sends_nothing(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    bodies = await stored(documents, clock, NOTICE)
    await outside.delivery(documents, clock).deliver(bodies)

    assert await outside.delivery(documents, clock).deliver([*bodies, *bodies]) == Delivered()
    assert len(outside.posts) == 2


async def test_two_instances_with_the_same_message_send_once(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    bodies = await stored(documents, clock, NOTICE)

    await asyncio.gather(*(outside.delivery(documents, clock).deliver(bodies) for _ in range(5)))

    assert (len(outside.to(SLACK)), len(outside.to(HOOK))) == (1, 1)


async def test_two_sweeps_at_the_same_time_try_again_once(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    outside.answers = [Answer(500), Answer(500)]
    await outside.delivery(documents, clock).deliver(await stored(documents, clock, NOTICE))
    clock.advance(61)

    await asyncio.gather(*(outside.delivery(documents, clock).sweep() for _ in range(5)))

    assert (len(outside.to(SLACK)), len(outside.to(HOOK))) == (2, 2)


async def test_one_channels_trouble_is_not_the_others(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    del outside.secrets["env:SLACK"]

    done = await outside.delivery(documents, clock).deliver(await stored(documents, clock, NOTICE))

    assert done == Delivered(delivered=1, postponed=1)
    assert len(outside.to(HOOK)) == 1


async def test_a_failure_is_tried_again_later_and_later_and_then_given_up(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    outside.answer = Answer(503)
    delivery = outside.delivery(documents, clock, ONE_CHANNEL)
    await delivery.deliver(await stored(documents, clock, NOTICE))

    for tries, wait in enumerate(BACKOFF, start=1):
        assert (await log_of(documents, clock))["n1|ops"].next_at == clock.now() + wait
        clock.advance(wait.total_seconds() - 1)
        await delivery.sweep()
        assert len(outside.posts) == tries
        clock.advance(1)
        await delivery.sweep()

    last = (await log_of(documents, clock))["n1|ops"]
    assert (last.state, last.attempts, last.last_status, last.next_at) == (State.FAILED, 6, "503", None)
    assert "n1 was not delivered to ops: 503" in caplog.text
    assert "secret-path" not in caplog.text


@pytest.mark.parametrize(
    ("asked", "wait"),
    [(3.0, BACKOFF[0]), (600.0, timedelta(minutes=10)), (86_400.0, BACKOFF[-1])],
)
async def test_a_receiver_that_asks_for_time_gets_it(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside, asked: float, wait: timedelta
) -> None:
    outside.answer = Answer(429, asked)

    await outside.delivery(documents, clock, ONE_CHANNEL).deliver(await stored(documents, clock, NOTICE))

    assert (await log_of(documents, clock))["n1|ops"].next_at == NOW + wait


async def test_a_refusal_that_will_not_pass_is_not_repeated_until_an_operator_says_so(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    outside.answer = Answer(410)
    delivery = outside.delivery(documents, clock, ONE_CHANNEL)
    assert await delivery.deliver(await stored(documents, clock, NOTICE)) == Delivered(failed=1)
    clock.advance(86_400)
    assert await delivery.sweep() == Delivered()

    outside.answer = Answer(200)
    await DeliveryLog(documents, clock).retry("n1|ops")

    assert await delivery.sweep() == Delivered(delivered=1)


async def test_what_no_route_wants_is_settled_and_without_channels_nothing_is_sent(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    bodies = await stored(documents, clock, NOTICE)

    assert await outside.delivery(documents, clock, None).deliver(bodies) == Delivered()
    assert await outside.delivery(documents, clock, None).sweep() == Delivered()
    clock.advance(3600)
    assert await NoticeStore(documents).unrouted(clock.now(), 10) == []


async def test_a_channel_that_is_no_longer_configured_fails_its_deliveries(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    outside.answer = Answer(500)
    await outside.delivery(documents, clock).deliver(await stored(documents, clock, NOTICE))
    clock.advance(61)

    assert await outside.delivery(documents, clock, ONE_CHANNEL).sweep() == Delivered(failed=1, postponed=1)
    assert (await log_of(documents, clock))["n1|hook"].last_status == "channel_missing"


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b"{}", b'{"id": 5}'])
async def test_a_message_that_names_nothing_is_refused_once_the_others_are_done(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside, body: bytes
) -> None:
    bodies = await stored(documents, clock, NOTICE)

    with pytest.raises(MessageInvalid):
        await outside.delivery(documents, clock).deliver([body, *bodies])

    assert len(outside.posts) == 2


async def test_a_notice_that_is_gone_is_nobodys_trouble(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    lost = replace(Delivery.of(NOTICE, "ops", NOW), next_at=NOW)
    await DeliveryStore(documents).open(lost)

    assert await outside.delivery(documents, clock).deliver([b'{"id": "none"}']) == Delivered()
    assert await outside.delivery(documents, clock).sweep() == Delivered(failed=1)


@pytest.mark.parametrize("carries_out", [False, True])
@pytest.mark.parametrize("at", range(1, 8))
async def test_whatever_dies_at_whatever_step_every_channel_is_told_and_webhooks_know_a_repetition(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside, at: int, carries_out: bool
) -> None:
    """Twice at most, and only where what was sent could not be recorded."""
    events = MemoryEvents()
    await NoticeBoard(documents, events, clock).raise_([NOTICE])
    bodies = [orjson.dumps(event) for event in events.events]
    dying = Dying(documents, at, carries_out=carries_out)
    with pytest.raises(StoreUnavailable):
        await outside.delivery(port(dying), clock, ONE_CHANNEL | {"routes": [{"channels": ["ops"]}]}).deliver(bodies)
    unrecorded = len(outside.posts)

    for _ in range(3):
        await outside.delivery(documents, clock, ONE_CHANNEL).deliver(bodies)
        await outside.delivery(documents, clock, ONE_CHANNEL).sweep()
        clock.advance(61)

    assert (await log_of(documents, clock))["n1|ops"].state is State.DELIVERED
    assert 1 <= len(outside.posts) <= 1 + unrecorded


async def test_a_delivery_in_somebodys_hands_is_left_to_them(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    """The process died while it was sending: until its claim is over nobody else tries."""
    bodies = await stored(documents, clock, NOTICE)

    def die() -> None:
        raise StoreUnavailable("killed")

    outside.on_send = die
    with pytest.raises(StoreUnavailable):
        await outside.delivery(documents, clock, ONE_CHANNEL).deliver(bodies)
    outside.on_send = None

    clock.advance(59)
    assert await outside.delivery(documents, clock, ONE_CHANNEL).sweep() == Delivered()
    clock.advance(1)
    assert await outside.delivery(documents, clock, ONE_CHANNEL).sweep() == Delivered(delivered=1)


async def test_a_storm_of_ten_thousand_is_twenty_messages_and_a_digest(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    delivery = outside.delivery(documents, clock, ONE_CHANNEL)
    sent_at: list[datetime] = []
    outside.on_send = lambda: sent_at.append(clock.now())
    for burst in range(60):
        notices = [replace(NOTICE, id=f"n{burst}-{n}", team=f"team{n % 3}") for n in range(167)]
        await delivery.deliver(await stored(documents, clock, *notices))
        if burst % 6 == 5:
            await delivery.sweep()
        clock.advance(60)

    first_hour = len(outside.posts)
    while (await delivery.sweep()).delivered == 0:
        clock.advance(60)

    texts = [orjson.loads(post.body)["text"] for post in outside.posts]
    digests = [text for text in texts if "held back" in text]
    assert first_hour <= 21
    assert len(digests) == 2
    told = sum(int(text.split()[1]) for text in digests)
    assert told + len(texts) - len(digests) == 60 * 167
    assert all(sum(1 for at in sent_at if start <= at < start + timedelta(hours=1)) <= 21 for start in sent_at)


async def test_a_team_that_raises_alerts_all_the_time_silences_neither_another_nor_the_organization(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    delivery = outside.delivery(documents, clock, ONE_CHANNEL)
    loud = [replace(NOTICE, id=f"red{n}", team="red", severity="critical") for n in range(40)]
    await delivery.deliver(await stored(documents, clock, *loud))

    blue = replace(NOTICE, id="blue", team="blue", severity="critical")
    everybody = replace(NOTICE, id="all", kind="reconciliation", team=None)
    await delivery.deliver(await stored(documents, clock, blue, everybody))

    log = await log_of(documents, clock)
    assert (log["blue|ops"].state, log["all|ops"].state) == (State.DELIVERED, State.DELIVERED)
    assert len(outside.posts) == 5 + 2


async def test_a_digest_groups_what_is_similar_and_leads_to_all_of_it(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    delivery = outside.delivery(documents, clock, ONE_CHANNEL)
    notices = [replace(NOTICE, id=f"n{n}", team="search" if n % 4 else None) for n in range(40)]
    await delivery.deliver(await stored(documents, clock, *notices))
    clock.advance(300)
    await delivery.sweep()

    digest: dict[str, Any] = orjson.loads(outside.posts[-1].body)
    fields = [field["text"] for block in digest["blocks"] for field in block.get("fields", ())]
    assert digest["text"].endswith("28 more notices were held back")
    assert sum(int(field.split("\n")[1]) for field in fields) == 28
    assert {field.split("\n")[0] for field in fields} == {"*budget, search*", "*budget, the organization*"}
    assert digest["blocks"][-1]["elements"][0]["url"] == "https://console.example"


async def test_instances_that_make_the_digest_at_the_same_time_send_one(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    notices = [replace(NOTICE, id=f"n{n}") for n in range(40)]
    await outside.delivery(documents, clock, ONE_CHANNEL).deliver(await stored(documents, clock, *notices))
    clock.advance(300)

    await asyncio.gather(*(outside.delivery(documents, clock, ONE_CHANNEL).sweep() for _ in range(4)))
    await outside.delivery(documents, clock, ONE_CHANNEL).sweep()

    assert len(outside.posts) == 5


@pytest.mark.parametrize("carries_out", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
async def test_a_digest_whose_maker_died_is_sent_once(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside, at: int, carries_out: bool
) -> None:
    notices = [replace(NOTICE, id=f"n{n}") for n in range(40)]
    await outside.delivery(documents, clock, ONE_CHANNEL).deliver(await stored(documents, clock, *notices))
    clock.advance(300)
    dying = Dying(documents, at, carries_out=carries_out)
    with pytest.raises(StoreUnavailable):
        await outside.delivery(port(dying), clock, ONE_CHANNEL).sweep()

    for _ in range(3):
        await outside.delivery(documents, clock, ONE_CHANNEL).sweep()
        clock.advance(60)

    assert len(outside.posts) == 5


async def test_attempts_that_did_not_arrive_use_up_nothing_and_those_that_may_have_do(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    delivery = outside.delivery(documents, clock, ONE_CHANNEL)
    outside.answer = REFUSED
    await delivery.deliver(await stored(documents, clock, *[replace(NOTICE, id=f"a{n}") for n in range(30)]))
    outside.answer = TIMEOUT
    done = await delivery.deliver(await stored(documents, clock, *[replace(NOTICE, id=f"b{n}") for n in range(30)]))

    assert done == Delivered(postponed=4, suppressed=26)


async def test_a_test_of_a_channel_says_in_a_word_how_it_went(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    delivery = outside.delivery(documents, clock)
    outside.answers = [Answer(200), Answer(404)]

    assert await delivery.try_channel("ops") == "delivered"
    assert await delivery.try_channel("ops") == "404"
    assert await delivery.try_channel("nobody") is None
    assert await log_of(documents, clock) == {}


async def test_no_address_and_no_secret_is_stored_or_logged(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    outside.answers = [Answer(500), TIMEOUT]
    delivery = outside.delivery(documents, clock)
    await delivery.deliver(await stored(documents, clock, NOTICE))
    clock.advance(61)
    outside.answer = Answer(403)
    await delivery.sweep()

    everything = str([document.body for document in (await documents.changes("alerts", limit=1000)).documents])
    assert "n1|ops" in everything
    for secret in ("secret-path", "signing-key", "hooks.example"):
        assert secret not in everything + caplog.text


async def test_every_attempt_to_send_is_told_by_the_kind_of_its_channel(
    documents: MemoryDocuments, clock: FakeClock, outside: Outside
) -> None:
    outside.answers = [Answer(200), Answer(503)]
    await outside.delivery(documents, clock).deliver(await stored(documents, clock, NOTICE))

    assert sorted((each["channel"], each["outcome"]) for each in outside.told) == [
        ("slack", "delivered"),
        ("webhook", "passing"),
    ]
