import pytest

from shared.gateway.spending.estimate import produced_text
from tests.shared.gateway.harness import Gateway, event, json_answer, sse_answer


def test_what_a_stream_produced_is_the_text_of_its_deltas() -> None:
    chat = event(choices=[{"delta": {"role": "assistant", "content": "Hel"}}]) + event(
        choices=[{"delta": {"content": "lo"}}]
    )
    calls = event(choices=[{"delta": {"tool_calls": [{"function": {"arguments": '{"a":1}'}}]}}])
    responses = event(type="response.output_text.delta", delta="Hello")
    broken = b"data: {oops\n\ndata: [DONE]\n\n: comment\n\n"

    assert produced_text(chat + broken) == "Hello"
    assert produced_text(calls) == '{"a":1}'
    assert produced_text(responses) == "Hello"
    assert produced_text(event(choices=[{"text": "Hi"}])) == "Hi"


async def test_a_provider_that_reports_nothing_is_estimated(gateway: Gateway) -> None:
    answer = {"choices": [{"message": {"role": "assistant", "content": "Hello there, how are you?"}}]}
    gateway.upstream.answers = [json_answer(answer)]

    await gateway.chat("plain-llama")

    (usage,) = await gateway.settled()
    assert usage["estimated"] is True
    assert usage["tokens"]["input_fresh"] == 9
    assert 6 <= usage["tokens"]["output_text"] <= 9


async def test_an_explicit_zero_is_not_a_missing_count(gateway: Gateway) -> None:
    gateway.upstream.answers = [
        json_answer({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5}})
    ]

    await gateway.chat()

    (usage,) = await gateway.settled()
    assert (usage["usage_source"], usage["tokens"]["output_text"]) == ("provider", 0)


async def test_a_stream_too_long_to_keep_is_extrapolated(gateway: Gateway) -> None:
    piece = event(choices=[{"delta": {"content": "word " * 20}}])
    gateway.upstream.answers = [sse_answer(*[piece] * 5000)]

    answer = await gateway.chat(stream=True)
    assert not isinstance(answer.body, bytes)
    async for _ in answer.body:
        pass

    (usage,) = await gateway.settled()
    assert usage["estimated"] is True
    assert usage["tokens"]["output_text"] == pytest.approx(5000 * 20, rel=0.05)
