import base64
import io
from typing import Any

import openai as sdk
import pytest
from openai import AzureOpenAI, OpenAI

from tests.e2e.conftest import Tollgate

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_azure_clients_reach_what_has_no_deployment(azure: AzureOpenAI) -> None:
    response = azure.responses.create(model="gpt-5", input="hi")
    file = azure.files.create(file=("a.txt", b"hello"), purpose="assistants")

    assert azure.responses.retrieve(response.id).id == response.id
    assert azure.files.retrieve(file.id).id == file.id
    assert file.id in [item.id for item in azure.files.list()]


def test_a_picture_is_edited_from_a_form(openai: OpenAI, tollgate: Tollgate) -> None:
    raw = openai.images.with_raw_response.edit(
        model="gpt-image-1", image=("søren.png", io.BytesIO(PIXEL), "image/png"), prompt="Brighter"
    )

    assert raw.parse().data
    event = tollgate.event_of(raw.headers["x-request-id"])
    assert (event["endpoint"], event["units"]["images"]) == ("images.edits", 1)


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "whisper-1"])
def test_a_transcription_is_metered_in_what_its_model_is_billed_by(
    openai: OpenAI, tollgate: Tollgate, model: str
) -> None:
    recording = ("speech.wav", io.BytesIO(b"RIFF" + b"\0" * 32_000), "audio/wav")
    raw = openai.audio.transcriptions.with_raw_response.create(model=model, file=recording)

    event = tollgate.event_of(raw.headers["x-request-id"])
    assert (sum(event["tokens"].values()) > 0) == (model == "gpt-4o-transcribe")
    assert (event["units"]["audio_ms"] > 0) == (model == "whisper-1")


def test_containers_belong_to_their_team(openai: OpenAI, other_team: OpenAI) -> None:
    container = openai.containers.create(name="sandbox")
    openai.containers.files.create(container.id, file=("a.txt", b"hello"))

    assert openai.containers.retrieve(container.id).id == container.id
    assert openai.containers.files.list(container.id).data
    with pytest.raises(sdk.NotFoundError):
        other_team.containers.files.list(container.id)


def test_fine_tuning_jobs_belong_to_their_team(openai: OpenAI, other_team: OpenAI) -> None:
    file = openai.files.create(file=("train.jsonl", b'{"messages":[]}\n'), purpose="fine-tune")
    job = openai.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=file.id)

    assert openai.fine_tuning.jobs.retrieve(job.id).id == job.id
    assert openai.fine_tuning.jobs.list_events(job.id).data is not None
    with pytest.raises(sdk.NotFoundError):
        other_team.fine_tuning.jobs.cancel(job.id)
    with pytest.raises(sdk.NotFoundError):
        other_team.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=file.id)


def test_evals_belong_to_their_team(openai: OpenAI, other_team: OpenAI) -> None:
    source: Any = {
        "type": "custom",
        "item_schema": {"type": "object", "properties": {}},
        "include_sample_schema": False,
    }
    created = openai.evals.create(name="e", data_source_config=source, testing_criteria=[])

    assert openai.evals.retrieve(created.id).id == created.id
    with pytest.raises(sdk.NotFoundError):
        other_team.evals.retrieve(created.id)


def test_a_background_response_can_be_followed_and_cancelled(openai: OpenAI, tollgate: Tollgate) -> None:
    raw = openai.responses.with_raw_response.create(model="gpt-5", input="hi", background=True)
    response = raw.parse()

    assert response.status in ("queued", "in_progress")
    assert openai.responses.cancel(response.id).id == response.id
    assert tollgate.event_of(raw.headers["x-request-id"])["usage_source"] == "pending"


def test_tokens_are_counted_and_conversations_compacted(openai: OpenAI, tollgate: Tollgate) -> None:
    counted = openai.responses.input_tokens.count(model="gpt-5", input="How many tokens are these?")
    compacted = openai.responses.with_raw_response.compact(model="gpt-5", input=[{"role": "user", "content": "hi"}])

    assert counted.input_tokens > 0
    assert tollgate.event_of(compacted.headers["x-request-id"])["endpoint"] == "responses.compact"


def test_a_realtime_secret_is_minted_for_an_admitted_model_only(openai: OpenAI) -> None:
    secret = openai.realtime.client_secrets.create(session={"type": "realtime", "model": "gpt-realtime"})

    assert secret.value
    with pytest.raises(sdk.NotFoundError):
        openai.realtime.client_secrets.create(session={"type": "realtime", "model": "no-such-model"})


def test_speech_streams_and_the_sdk_gets_the_bytes(openai: OpenAI) -> None:
    with openai.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hi"
    ) as speech:
        assert b"".join(speech.iter_bytes())


async def test_structured_answers_and_tools_through_responses(openai: OpenAI) -> None:
    tool: Any = {
        "type": "function",
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": False,
    }
    answer = openai.responses.create(model="gpt-5", input="[[tool]]", tools=[tool], tool_choice="required")

    assert [item.type for item in answer.output if item.type == "function_call"]
