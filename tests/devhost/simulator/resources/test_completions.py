from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI

MODEL = "gpt-35-turbo-instruct"


async def test_text_in_text_out(azure: AsyncAzureOpenAI) -> None:
    completion = await azure.completions.create(model=MODEL, prompt="Hello")
    assert completion.choices[0].text == "You said: Hello"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 1


async def test_a_stream_ends_with_usage_when_asked_for(openai: AsyncOpenAI) -> None:
    stream: Any = await openai.completions.create(
        model=MODEL, prompt="Hi", stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == "You said: Hi"
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens
