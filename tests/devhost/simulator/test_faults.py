from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI

from devhost.simulator import Simulator
from devhost.simulator.faults import FaultPlan, UnknownFault

HELLO: list[Any] = [{"role": "user", "content": "Grüße 🌍"}]


async def ask(openai: AsyncOpenAI, fault: str, **more: Any) -> Any:
    return await openai.chat.completions.create(
        model="gpt-4o", messages=HELLO, extra_headers={"x-simulator-fault": fault}, **more
    )


async def text_of(stream: Any) -> str:
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if has_delta(chunk)])


def has_delta(chunk: Any) -> bool:
    return bool(chunk.choices) and chunk.choices[0].delta is not None


@pytest.mark.parametrize(
    ("fault", "present", "absent"),
    [
        ("429=200", {"retry-after-ms": "200", "retry-after": "1"}, ()),
        ("429-retry-after-ms=200", {"retry-after-ms": "200"}, ("retry-after",)),
        ("429-retry-after=7", {"retry-after": "7"}, ("retry-after-ms",)),
        ("429-reset-tokens=9", {"x-rate-limit-reset-tokens": "9"}, ("retry-after", "retry-after-ms")),
        ("429-none", {}, ("retry-after", "retry-after-ms", "x-rate-limit-reset-tokens")),
    ],
)
async def test_each_kind_of_429_has_just_its_headers(
    openai: AsyncOpenAI, fault: str, present: dict[str, str], absent: tuple[str, ...]
) -> None:
    with pytest.raises(APIStatusError) as refusal:
        await ask(openai, fault)
    headers = refusal.value.response.headers
    assert refusal.value.status_code == 429
    assert {name: headers[name] for name in present} == present
    assert not [name for name in absent if name in headers]
    assert headers["x-ratelimit-remaining-tokens"] == "0"


async def test_a_429_may_carry_a_date(openai: AsyncOpenAI) -> None:
    with pytest.raises(APIStatusError) as refusal:
        await ask(openai, "429-retry-after-date=5")
    assert parsedate_to_datetime(refusal.value.response.headers["retry-after"]).tzinfo is not None


@pytest.mark.parametrize("status", [401, 403, 500, 502, 503, 504])
async def test_a_status_is_answered_in_azures_shape(openai: AsyncOpenAI, status: int) -> None:
    with pytest.raises(APIStatusError) as refusal:
        await ask(openai, str(status))
    assert refusal.value.status_code == status
    assert refusal.value.response.json()["error"]["code"]


async def test_a_blocked_prompt_is_a_400_with_an_inner_error(openai: AsyncOpenAI) -> None:
    with pytest.raises(APIStatusError) as refusal:
        await ask(openai, "content-filter")
    error = refusal.value.response.json()["error"]
    assert (error["code"], error["param"], error["status"]) == ("content_filter", "prompt", 400)
    assert error["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    assert error["innererror"]["content_filter_result"]["hate"]["filtered"] is True


@pytest.mark.parametrize("model", ["gpt-4o--500", "gpt-4o--slow=1--500"])
async def test_a_deployments_name_can_carry_faults(openai: AsyncOpenAI, model: str) -> None:
    with pytest.raises(APIStatusError) as refusal:
        await openai.chat.completions.create(model=model, messages=HELLO)
    assert refusal.value.status_code == 500
    assert refusal.value.response.headers["x-ms-deployment-name"] == model


async def test_an_unknown_fault_in_a_name_is_an_unknown_deployment(openai: AsyncOpenAI) -> None:
    with pytest.raises(APIStatusError) as refusal:
        await openai.chat.completions.create(model="gpt-4o--nonsense", messages=HELLO)
    assert refusal.value.code == "DeploymentNotFound"


async def test_an_unknown_fault_in_the_header_is_refused(openai: AsyncOpenAI) -> None:
    with pytest.raises(APIStatusError, match="has no fault 'nonsense'"):
        await ask(openai, "nonsense")


async def test_a_fault_with_times_goes_away(openai: AsyncOpenAI) -> None:
    async with AsyncOpenAI(
        base_url=openai.base_url,
        api_key=openai.api_key,
        max_retries=2,
        default_headers={"x-simulator-fault": "429-retry-after-ms=1,times=2", "x-simulator-fault-key": "k"},
    ) as patient:
        completion = await patient.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert completion.choices[0].message.content == "You said: Grüße 🌍"


async def test_a_test_can_order_a_number_of_failures(sim: Simulator, openai: AsyncOpenAI) -> None:
    sim.fail("gpt-4o", "503", times=1)
    with pytest.raises(APIStatusError):
        await openai.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert (await openai.chat.completions.create(model="gpt-4o", messages=HELLO)).choices
    sim.fail("*", "500")
    with pytest.raises(APIStatusError):
        await openai.files.list()
    sim.recover()
    assert (await openai.files.list()).data == []


def test_an_unknown_fault_cannot_be_ordered() -> None:
    with pytest.raises(UnknownFault):
        FaultPlan().order("gpt-4o", "nonsense", None)


async def test_a_reset_connection_has_no_answer(openai: AsyncOpenAI) -> None:
    with pytest.raises(APIConnectionError) as failure:
        await ask(openai, "reset")
    assert not isinstance(failure.value, APITimeoutError)


async def test_a_hanging_call_times_out_and_does_not_hold_up_the_end(openai: AsyncOpenAI) -> None:
    with pytest.raises(APITimeoutError):
        await ask(openai, "hang", timeout=0.2)


async def test_a_slow_call_is_answered_after_all(openai: AsyncOpenAI) -> None:
    with pytest.raises(APITimeoutError):
        await ask(openai, "slow=60000", timeout=0.2)
    assert (await ask(openai, "slow=1")).choices


async def test_a_cut_stream_breaks_after_that_many_events(openai: AsyncOpenAI) -> None:
    stream = await ask(openai, "cut=2", stream=True)
    await anext(stream)
    await anext(stream)
    with pytest.raises(APIConnectionError):
        await anext(stream)


async def test_a_cut_answer_is_shorter_than_it_said(openai: AsyncOpenAI) -> None:
    with pytest.raises(APIConnectionError):
        await ask(openai, "cut")


async def test_a_stalled_stream_falls_silent_in_the_middle(openai: AsyncOpenAI) -> None:
    stream = await ask(openai, "stall=60000", stream=True, timeout=0.3)
    await anext(stream)
    await anext(stream)
    with pytest.raises(APITimeoutError):
        await anext(stream)


async def test_a_stalled_or_paced_stream_goes_on(openai: AsyncOpenAI) -> None:
    assert await text_of(await ask(openai, "stall=1,pace=1", stream=True)) == "You said: Grüße 🌍"


async def test_a_stream_can_end_with_an_error_event(openai: AsyncOpenAI) -> None:
    with pytest.raises(Exception, match="failed in mid-stream"):
        await text_of(await ask(openai, "error-event=2", stream=True))


async def test_a_malformed_answer_is_a_200_that_is_not_json(sim: Simulator) -> None:
    headers = {"api-key": "simulator-key", "x-simulator-fault": "malformed"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{sim.endpoint}/openai/v1/chat/completions"
        async with session.post(url, json={"model": "gpt-4o", "messages": HELLO}) as response:
            assert response.status == 200
            with pytest.raises(ValueError, match=r"Invalid|Expecting|Unterminated"):
                await response.json()


async def test_odd_but_valid_events_still_make_the_same_text(sim: Simulator, openai: AsyncOpenAI) -> None:
    assert await text_of(await ask(openai, "garbage-sse", stream=True)) == "You said: Grüße 🌍"
    headers = {"api-key": "simulator-key", "x-simulator-fault": "garbage-sse"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{sim.endpoint}/openai/v1/chat/completions"
        async with session.post(url, json={"model": "gpt-4o", "messages": HELLO, "stream": True}) as response:
            raw = await response.read()
    assert raw.startswith(b": ")
    assert b"data:[DONE]\r\n\r\n" in raw
    assert b"content_filter_offsets" in raw


@pytest.mark.parametrize("stream", [False, True])
async def test_a_compressed_answer_says_so(sim: Simulator, openai: AsyncOpenAI, stream: bool) -> None:
    answer = await ask(openai, "gzip", stream=stream)
    text = await text_of(answer) if stream else answer.choices[0].message.content
    assert text == "You said: Grüße 🌍"
    response = await openai.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=HELLO, extra_headers={"x-simulator-fault": "gzip"}
    )
    assert response.headers["content-encoding"] == "gzip"
