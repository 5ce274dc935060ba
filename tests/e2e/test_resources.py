import io
import json
from typing import Any

import openai as sdk
import pytest
from openai import AzureOpenAI, OpenAI

from tests.e2e.conftest import Tollgate


def test_responses_stream_follow_up_and_ownership(openai: OpenAI, other_team: OpenAI, tollgate: Tollgate) -> None:
    with openai.responses.stream(model="gpt-5", input="Say hello") as stream:
        kinds = [event.type for event in stream]
        first = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"

    second = openai.responses.create(model="gpt-5", input="And again", previous_response_id=first.id)
    assert second.id != first.id
    assert openai.responses.retrieve(first.id).id == first.id
    assert openai.responses.input_items.list(first.id).data

    with pytest.raises(sdk.NotFoundError):
        other_team.responses.retrieve(first.id)
    with pytest.raises(sdk.NotFoundError):
        other_team.responses.create(model="gpt-5", input="Mine now", previous_response_id=first.id)
    with pytest.raises(sdk.NotFoundError):
        other_team.responses.delete(first.id)
    openai.responses.delete(first.id)

    (event,) = tollgate.wait_for_events(
        lambda events: [
            event for event in events if event["object_id"] == second.id and event["endpoint"] == "responses"
        ]
    )
    assert second.usage is not None
    assert sum(event["tokens"].values()) == second.usage.total_tokens
    assert event["tokens"]["output_reasoning"] == second.usage.output_tokens_details.reasoning_tokens


def test_embeddings_in_both_encodings(openai: OpenAI) -> None:
    packed = openai.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    plain = openai.embeddings.create(model="text-embedding-3-small", input="a", encoding_format="float")

    assert len(packed.data) == 2
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)


def test_models_are_those_of_the_routes(openai: OpenAI, azure: AzureOpenAI) -> None:
    names = [model.id for model in openai.models.list()]

    assert "gpt-4o" in names
    assert "gpt-*" not in names
    assert names == [model.id for model in azure.models.list()]
    assert openai.models.retrieve("gpt-4o").id == "gpt-4o"


def test_pictures_speech_and_transcription(openai: OpenAI, tollgate: Tollgate) -> None:
    picture = openai.images.with_raw_response.generate(model="gpt-image-1", prompt="A gate")
    speech = openai.audio.speech.with_raw_response.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello there")
    recording = ("æøå.wav", io.BytesIO(speech.content), "audio/wav")
    text = openai.audio.transcriptions.with_raw_response.create(model="whisper-1", file=recording)

    assert picture.parse().data
    assert text.parse().text
    made, spoken, heard = (tollgate.event_of(raw.headers["x-request-id"]) for raw in (picture, speech, text))
    assert made["tokens"]["output_image"] + made["tokens"]["output_text"] > 0
    assert made["units"]["images"] == 1
    assert spoken["units"]["characters"] == len("Hello there")
    assert heard["units"]["audio_ms"] > 0


def test_files_and_batches_belong_to_their_team(openai: OpenAI, other_team: OpenAI) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    line = (
        json.dumps({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}).encode() + b"\n"
    )
    file = openai.files.create(file=("søren.jsonl", line), purpose="batch")
    batch = openai.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")

    assert openai.files.content(file.id).content == line
    assert next(iter(openai.files.list())).id == file.id
    assert next(iter(openai.batches.list())).id == batch.id
    assert file.id not in [item.id for item in other_team.files.list()]
    for attempt in (
        lambda: other_team.files.retrieve(file.id),
        lambda: other_team.files.content(file.id),
        lambda: other_team.files.delete(file.id),
        lambda: other_team.batches.retrieve(batch.id),
        lambda: other_team.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        ),
    ):
        with pytest.raises(sdk.NotFoundError):
            attempt()
    assert openai.files.delete(file.id).deleted


def test_vector_stores(openai: OpenAI, other_team: OpenAI) -> None:
    file = openai.files.create(file=("a.txt", b"hello"), purpose="assistants")
    store = openai.vector_stores.create(name="kb", file_ids=[file.id])

    assert openai.vector_stores.retrieve(store.id).id == store.id
    assert openai.vector_stores.files.list(store.id).data is not None
    with pytest.raises(sdk.NotFoundError):
        other_team.vector_stores.search(store.id, query="secret")
    with pytest.raises(sdk.NotFoundError):
        other_team.responses.create(
            model="gpt-5", input="x", tools=[{"type": "file_search", "vector_store_ids": [store.id]}]
        )


def test_what_azure_lacks_says_so(openai: OpenAI) -> None:
    with pytest.raises(sdk.NotFoundError) as raised:
        openai.moderations.create(input="x")

    assert raised.value.code == "unsupported_endpoint"
    assert "Azure OpenAI does not offer" in raised.value.message


@pytest.mark.parametrize("key", ["sk-unknown-key-012345", "sk-expired-key-01234", "sk-disabled-key-01234"])
def test_keys_that_do_not_work_are_401(tollgate: Tollgate, key: str) -> None:
    with (
        OpenAI(base_url=f"{tollgate.url}/v1", api_key=key, max_retries=3) as client,
        pytest.raises(sdk.AuthenticationError) as raised,
    ):
        client.models.list()

    assert raised.value.response.headers["x-should-retry"] == "false"
    assert key not in str(raised.value)


def test_a_dead_upstream_is_a_clear_502(openai: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "x"}]
    with pytest.raises(sdk.InternalServerError) as raised:
        openai.chat.completions.create(model="dead", messages=messages)

    assert (raised.value.status_code, raised.value.code) == (502, "upstream_unreachable")
