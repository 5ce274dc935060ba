import json
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, BadRequestError, NotFoundError
from pydantic import BaseModel

TOOL: Any = {
    "type": "function",
    "name": "look_up",
    "parameters": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
}


async def test_the_answer_has_text_usage_and_an_id_that_can_be_read_again(openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(model="gpt-4o", input="Hello")
    assert response.output_text == "You said: Hello"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.usage.input_tokens_details.cached_tokens == 0
    assert (await openai.responses.retrieve(response.id)).output_text == "You said: Hello"
    await openai.responses.delete(response.id)
    with pytest.raises(NotFoundError):
        await openai.responses.retrieve(response.id)


async def test_the_azure_client_speaks_it_too(azure: AsyncAzureOpenAI) -> None:
    response = await azure.responses.create(model="gpt-4o", input="Hello")
    assert response.output_text == "You said: Hello"


async def test_a_stream_has_the_whole_sequence_of_events(openai: AsyncOpenAI) -> None:
    stream = await openai.responses.create(model="gpt-4o", input="Hi", stream=True)
    events: list[Any] = [each async for each in stream]
    kinds = [each.type.removeprefix("response.") for each in events]
    assert [kind for kind in kinds if kind != "output_text.delta"] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [each.sequence_number for each in events] == list(range(len(events)))
    assert "".join(each.delta for each in events if each.type == "response.output_text.delta") == "You said: Hi"
    assert events[-1].response.usage.output_tokens == kinds.count("output_text.delta")
    assert events[0].response.usage is None


async def test_a_streamed_function_call_sends_its_arguments_in_pieces(openai: AsyncOpenAI) -> None:
    async with openai.responses.stream(model="gpt-4o", input="[[tool]] please", tools=[TOOL]) as stream:
        deltas = [each.delta async for each in stream if each.type == "response.function_call_arguments.delta"]
        final: Any = (await stream.get_final_response()).output[0]
    assert "".join(deltas) == final.arguments
    assert json.loads(final.arguments) == {"key": "text"}


async def test_a_conversation_goes_on_from_the_previous_response(openai: AsyncOpenAI) -> None:
    first = await openai.responses.create(model="gpt-4o", input="[[tool]]", tools=[TOOL])
    call: Any = first.output[0]
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "42"}
    second = await openai.responses.create(model="gpt-4o", input=[output], tools=[TOOL], previous_response_id=first.id)
    assert second.output_text == "You said: 42"
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens


async def test_an_unknown_previous_response_is_named(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refusal:
        await openai.responses.create(model="gpt-4o", input="Hi", previous_response_id="resp_none")
    assert refusal.value.code == "previous_response_not_found"


async def test_what_is_not_stored_cannot_be_read(openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(model="gpt-4o", input="Hi", store=False)
    with pytest.raises(NotFoundError):
        await openai.responses.retrieve(response.id)


async def test_structured_output_parses_into_the_model(openai: AsyncOpenAI) -> None:
    class City(BaseModel):
        name: str
        people: int

    response = await openai.responses.parse(model="gpt-4o", input="Hi", text_format=City)
    assert isinstance(response.output_parsed, City)


async def test_reasoning_has_its_own_item_and_count(openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(
        model="gpt-5",
        input="Hi",
        reasoning={"effort": "medium", "summary": "auto"},
        include=["reasoning.encrypted_content"],
    )
    reasoning: Any = response.output[0]
    assert (reasoning.type, reasoning.encrypted_content is not None, len(reasoning.summary)) == ("reasoning", True, 1)
    assert response.usage is not None
    assert response.usage.output_tokens_details.reasoning_tokens == 128


async def test_a_token_limit_makes_it_incomplete(openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(model="gpt-4o", input="[[tokens=90]]", max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


async def test_a_background_response_is_done_on_a_later_look(openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(model="gpt-4o", input="Hi", background=True)
    seen = [response.status]
    for _ in range(2):
        response = await openai.responses.retrieve(response.id)
        seen.append(response.status)
    assert seen == ["queued", "in_progress", "completed"]
    assert response.output_text == "You said: Hi"


async def test_a_background_response_can_be_cancelled(openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(model="gpt-4o", input="Hi", background=True)
    assert (await openai.responses.cancel(response.id)).status == "cancelled"
    assert (await openai.responses.retrieve(response.id)).status == "cancelled"


async def test_a_stream_resumes_after_a_given_event(openai: AsyncOpenAI) -> None:
    stream = await openai.responses.create(model="gpt-4o", input="Hi", background=True, stream=True)
    events: list[Any] = [each async for each in stream]
    resumed = await openai.responses.retrieve(events[0].response.id, stream=True, starting_after=3)
    assert [each.sequence_number async for each in resumed] == [each.sequence_number for each in events[4:]]


async def test_input_items_tokens_and_compaction(openai: AsyncOpenAI) -> None:
    response = await openai.responses.create(model="gpt-4o", input="Hi")
    items = await openai.responses.input_items.list(response.id)
    assert [item.type for item in items.data] == ["message"]
    counted = await openai.responses.input_tokens.count(model="gpt-4o", input="Hi")
    assert response.usage is not None
    assert counted.input_tokens == response.usage.input_tokens
    compacted = await openai.responses.compact(model="gpt-4o", previous_response_id=response.id)
    assert [item.type for item in compacted.output] == ["message", "compaction"]


async def test_include_usage_is_refused(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refusal:
        await openai.responses.create(
            model="gpt-4o", input="Hi", stream=True, extra_body={"stream_options": {"include_usage": True}}
        )
    assert refusal.value.param == "stream_options.include_usage"


async def test_unknown_tools_and_fields_pass(openai: AsyncOpenAI) -> None:
    tools: Any = [
        {"type": "namespace", "name": "x", "tools": []},
        {"type": "web_search"},
        {"type": "custom", "name": "y"},
    ]
    response = await openai.responses.create(
        model="gpt-5.3-codex",
        input="Hi",
        tools=tools,
        extra_body={"client_metadata": {"a": "b"}, "context_management": []},
    )
    assert response.status == "completed"
