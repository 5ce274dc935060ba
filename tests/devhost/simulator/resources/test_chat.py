import json
from typing import Any

import pytest
import tiktoken
from jsonschema import validate
from openai import AsyncAzureOpenAI, AsyncOpenAI, BadRequestError
from pydantic import BaseModel

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
                "required": ["city", "unit"],
            },
        },
    }
]


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


async def test_the_answer_quotes_the_question_and_counts_its_tokens(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="gpt-4o", messages=HELLO)
    text = completion.choices[0].message.content
    assert text == "You said: Hello"
    assert completion.usage is not None
    # 3 for the message, 1 each for role and text, 3 that start the reply.
    assert completion.usage.prompt_tokens == 8
    assert completion.usage.completion_tokens == len(tiktoken.get_encoding("o200k_base").encode(text))
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion.service_tier == "default"


async def test_the_azure_client_gets_the_same_answer(azure: AsyncAzureOpenAI) -> None:
    completion = await azure.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert completion.choices[0].message.content == "You said: Hello"
    assert completion.model_extra is not None
    assert (
        completion.model_extra["prompt_filter_results"][0]["content_filter_results"]["jailbreak"]["detected"] is False
    )


async def test_a_stream_begins_with_azures_empty_chunk_and_ends_without_usage(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]
    assert (chunks[0].choices, chunks[0].id, chunks[0].model) == ([], "", "")
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[1:]) == "You said: Hello"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)


async def test_streamed_usage_comes_last_when_asked_for_and_equals_unstreamed_usage(openai: AsyncOpenAI) -> None:
    whole = await openai.chat.completions.create(model="gpt-4o", messages=HELLO)
    stream = await openai.chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_a_required_tool_is_called_with_arguments_that_fit_its_schema(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(
        model="gpt-4o", messages=HELLO, tools=WEATHER, tool_choice="required"
    )
    assert completion.choices[0].finish_reason == "tool_calls"
    calls: Any = completion.choices[0].message.tool_calls
    assert calls[0].function.name == "weather"
    validate(json.loads(calls[0].function.arguments), WEATHER[0]["function"]["parameters"])


async def test_a_tool_call_streams_in_pieces(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(
        model="gpt-4o", messages=said("[[tool]] in Paris?"), tools=WEATHER, stream=True
    )
    chunks = [chunk async for chunk in stream]
    calls = [chunk.choices[0].delta.tool_calls[0] for chunk in chunks[1:] if chunk.choices[0].delta.tool_calls]
    assert calls[0].id is not None
    arguments = [call.function.arguments or "" for call in calls if call.function]
    assert len(arguments) > 2
    validate(json.loads("".join(arguments)), WEATHER[0]["function"]["parameters"])


async def test_a_tools_result_is_answered_in_words(openai: AsyncOpenAI) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        *said("[[tool]]"),
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    completion = await openai.chat.completions.create(model="gpt-4o", messages=messages, tools=WEATHER)
    assert completion.choices[0].message.content == "You said: sunny"


async def test_structured_output_parses_into_the_model(openai: AsyncOpenAI) -> None:
    class Invoice(BaseModel):
        number: int
        lines: list[str]
        note: str | None

    completion = await openai.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Invoice)
    assert isinstance(completion.choices[0].message.parsed, Invoice)


async def test_json_mode_answers_with_an_object(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(
        model="gpt-4o", messages=HELLO, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(completion.choices[0].message.content or ""), dict)


async def test_several_choices_are_numbered_and_billed(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="gpt-4o", messages=HELLO, n=2)
    assert [choice.message.content for choice in completion.choices] == ["You said: Hello", "You said (2): Hello"]


async def test_a_token_limit_ends_the_answer_with_length(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="gpt-4o", messages=said("[[tokens=50]]"), max_tokens=7)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 7


async def test_the_marker_asks_for_that_many_tokens(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="gpt-4o", messages=said("[[tokens=300]]"))
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 300


async def test_a_stop_word_cuts_the_answer(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="gpt-4o", messages=HELLO, stop=[":"])
    assert completion.choices[0].message.content == "You said"


async def test_reasoning_models_bill_reasoning_and_spend_it_first(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="o4-mini", messages=HELLO, max_completion_tokens=20)
    assert completion.usage is not None
    assert completion.usage.completion_tokens_details is not None
    assert completion.usage.completion_tokens_details.reasoning_tokens == 20
    assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == ("", "length")


async def test_a_long_prefix_is_cached_the_second_time_in_steps_of_128(openai: AsyncOpenAI) -> None:
    system = [{"role": "system", "content": "rule " * 1_500}]
    usages = []
    for question in ("one", "two"):
        messages: Any = [*system, *said(question)]
        completion = await openai.chat.completions.create(model="gpt-4o", messages=messages)
        assert completion.usage is not None
        assert completion.usage.prompt_tokens_details is not None
        usages.append(completion.usage.prompt_tokens_details.cached_tokens)
    assert usages == [0, 1_408]


async def test_a_prompt_beyond_the_context_is_refused(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refusal:
        await openai.chat.completions.create(model="gpt-4o", messages=said("word " * 130_000))
    assert refusal.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("model", "body", "param", "code"),
    [
        ("gpt-4o", {}, "messages", "missing_required_parameter"),
        ("gpt-4o", {"messages": "hi"}, "messages", "invalid_type"),
        ("gpt-4o", {"messages": [{"role": "king", "content": ""}]}, "messages[0].role", "invalid_value"),
        ("gpt-4o", {"messages": HELLO, "temperature": "hot"}, "temperature", "invalid_type"),
        ("gpt-4o", {"messages": HELLO, "n": 0}, "n", "invalid_value"),
        ("gpt-4o", {"messages": HELLO, "stream_options": {}}, "stream_options", None),
        ("o3", {"messages": HELLO, "max_tokens": 5}, "max_tokens", "unsupported_parameter"),
        ("gpt-5", {"messages": HELLO, "temperature": 0.2}, "temperature", "unsupported_value"),
    ],
)
async def test_bad_parameters_are_named(openai: AsyncOpenAI, model: str, body: Any, param: str, code: str) -> None:
    with pytest.raises(BadRequestError) as refusal:
        await openai.post("/chat/completions", body={"model": model, **body}, cast_to=object)
    assert (refusal.value.param, refusal.value.code) == (param, code)


async def test_a_model_that_does_not_chat_says_so(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="does not work with the specified model") as refusal:
        await openai.chat.completions.create(model="text-embedding-3-small", messages=HELLO)
    assert refusal.value.code == "OperationNotSupported"


async def test_a_blocked_completion_is_a_200_that_is_billed(openai: AsyncOpenAI) -> None:
    completion = await openai.chat.completions.create(model="gpt-4o--content-filter-output", messages=HELLO)
    assert completion.choices[0].finish_reason == "content_filter"
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0
