import base64
import io
import struct
import wave
import zlib
from typing import Any

import aiohttp
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, BadRequestError

from devhost.simulator import Simulator


def tone(seconds: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(16_000 * seconds))
    return buffer.getvalue()


def is_png(content: bytes) -> bool:
    size = struct.unpack(">I", content[8:12])[0]
    header = content[12 : 16 + size]
    return content.startswith(b"\x89PNG\r\n\x1a\n") and struct.unpack(">I", content[16 + size : 20 + size])[
        0
    ] == zlib.crc32(header)


async def test_a_picture_is_a_png_with_its_tokens(openai: AsyncOpenAI) -> None:
    images = await openai.images.generate(model="gpt-image-1", prompt="a cat", quality="low", n=2)
    assert images.data is not None
    assert all(is_png(base64.b64decode(image.b64_json or "")) for image in images.data)
    assert images.usage is not None
    assert (images.usage.output_tokens, images.usage.input_tokens_details.text_tokens) == (544, 2)


async def test_an_edit_counts_the_pictures_it_reads(azure: AsyncAzureOpenAI) -> None:
    images = await azure.images.edit(model="gpt-image-1", image=[b"png", b"png"], prompt="a cat", n=1)
    assert images.usage is not None
    assert images.usage.input_tokens_details.image_tokens == 646


async def test_a_streamed_picture_ends_with_usage(openai: AsyncOpenAI) -> None:
    stream = await openai.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=1)
    events: list[Any] = [each async for each in stream]
    assert [each.type for each in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert events[-1].usage.output_tokens == 1_056


async def test_dall_e_gives_an_address_and_no_usage(sim: Simulator, openai: AsyncOpenAI) -> None:
    images = await openai.images.generate(model="dall-e-3", prompt="a cat")
    assert images.usage is None
    assert images.data is not None
    url = images.data[0].url or ""
    assert url.startswith(sim.endpoint)
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert is_png(await response.read())


async def test_speech_in_wav_can_be_played(openai: AsyncOpenAI) -> None:
    speech = await openai.audio.speech.create(model="tts-1", voice="alloy", input="Hello", response_format="wav")
    with wave.open(io.BytesIO(speech.content)) as file:
        assert file.getnframes() == 9_600
    assert speech.response.headers["content-type"] == "audio/wav"


async def test_speech_as_events_ends_with_usage(openai: AsyncOpenAI) -> None:
    speech = await openai.audio.speech.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello", stream_format="sse"
    )
    assert speech.content.count(b"speech.audio.delta") == 4
    assert b'"usage":{"input_tokens":1,"output_tokens":5,"total_tokens":6}' in speech.content


async def test_whisper_bills_by_duration(azure: AsyncAzureOpenAI) -> None:
    heard: Any = await azure.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", tone(2)), response_format="verbose_json"
    )
    assert (heard.duration, heard.usage.type, heard.usage.seconds) == (2.0, "duration", 2)
    text = await azure.audio.transcriptions.create(model="whisper-1", file=("a.wav", tone(1)), response_format="text")
    assert text == "You sent 1.0 seconds of audio.\n"
    with pytest.warns(DeprecationWarning, match="deprecated"):
        translated = await azure.audio.translations.create(model="whisper-1", file=("a.wav", tone(1)))
    assert translated.text


async def test_the_newer_model_bills_tokens_streamed_or_not(openai: AsyncOpenAI) -> None:
    heard: Any = await openai.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", tone(2)))
    assert (heard.usage.type, heard.usage.input_token_details.audio_tokens) == ("tokens", 20)
    stream = await openai.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", tone(2)), stream=True)
    events: list[Any] = [each async for each in stream]
    assert events[-1].usage.model_dump() == heard.usage.model_dump()
    assert "".join(each.delta for each in events[:-1]) == heard.text


async def test_the_newer_model_has_no_timed_formats(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refusal:
        await openai.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=("a.wav", tone(1)), response_format="verbose_json"
        )
    assert refusal.value.param == "response_format"


async def test_realtime_hands_out_a_secret_and_answers_an_offer(openai: AsyncOpenAI) -> None:
    secret = await openai.realtime.client_secrets.create(session={"type": "realtime", "model": "gpt-realtime"})
    assert secret.value.startswith("ek_")
    call = await openai.realtime.calls.create(sdp="v=0\r\n")
    assert call.response.status_code == 201
    assert call.response.headers["location"].startswith("/openai/v1/realtime/calls/rtc_")
    assert call.content.startswith(b"v=0")
