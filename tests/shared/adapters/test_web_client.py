"""Webhooks are posted once, nobody is followed elsewhere, and no error tells the address."""

import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from shared.adapters.web_client import AiohttpWebClient
from shared.alerts.ports import Answer, Unreachable
from tests.fakes import FakeClock
from tests.peers.webhooks import Receiver, receiving

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def web() -> AsyncIterator[AiohttpWebClient]:
    client = AiohttpWebClient(FakeClock(NOW))
    yield client
    await client.close()


async def test_body_and_headers_arrive_as_they_were_given(web: AiohttpWebClient, receiver: Receiver) -> None:
    answer = await web.post(f"{receiver.url}/hook?sig=a%2Fb", {"webhook-id": "msg_1"}, b'{"a":1}', 5)

    (received,) = receiver.received
    assert answer == Answer(200)
    assert (received.path, received.headers["webhook-id"], received.body) == ("/hook?sig=a%2Fb", "msg_1", b'{"a":1}')


async def test_a_redirect_is_not_followed(web: AiohttpWebClient, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"location": f"{receiver.url}/elsewhere"}

    assert (await web.post(f"{receiver.url}/hook", {}, b"{}", 5)).status == 307
    assert [received.path for received in receiver.received] == ["/hook"]


async def test_cookies_are_not_kept(web: AiohttpWebClient, receiver: Receiver) -> None:
    receiver.headers = {"set-cookie": "session=1; Path=/"}

    await web.post(receiver.url, {}, b"{}", 5)
    await web.post(receiver.url, {}, b"{}", 5)

    assert all("cookie" not in received.headers for received in receiver.received)


async def test_a_large_answer_is_not_read_to_its_end(web: AiohttpWebClient, receiver: Receiver) -> None:
    receiver.body = b"x" * 20_000_000

    assert await web.post(receiver.url, {}, b"{}", 5) == Answer(200)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("99999999999999999999", 86_400),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
async def test_the_receiver_says_when_to_come_again(
    web: AiohttpWebClient, receiver: Receiver, header: str, seconds: float | None
) -> None:
    receiver.status, receiver.headers = 429, {"retry-after": header}

    assert await web.post(receiver.url, {}, b"{}", 5) == Answer(429, seconds)


async def test_silence_ends_and_may_have_been_heard(web: AiohttpWebClient, receiver: Receiver) -> None:
    receiver.may_answer.clear()

    with pytest.raises(Unreachable) as failure:
        await web.post(receiver.url, {}, b"{}", 0.05)

    assert (failure.value.reason, failure.value.may_have_arrived) == ("timeout", True)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/secret-path", "http://[secret-path", "secret-path"])
async def test_no_error_tells_the_address(web: AiohttpWebClient, address: str) -> None:
    with pytest.raises(Unreachable) as failure:
        await web.post(address, {}, b"{}", 5)

    assert not failure.value.may_have_arrived
    assert "secret-path" not in "".join(traceback.format_exception(failure.value)).replace(repr(address), "")
    assert failure.value.__suppress_context__
