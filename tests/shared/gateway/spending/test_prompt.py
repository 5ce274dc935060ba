"""Whatever a model will read is found, wherever it stands; and no text has more tokens than it is bounded by."""

import base64
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.gateway.spending.prompt import (
    FILE_SEARCH_TOKENS,
    FILE_TOKENS,
    STORED_TOKENS,
    TOOL_TOKENS,
    bound,
    read_prompt,
)
from shared.tokens.service import TokenCounter
from shared.wire.openai.endpoints import Meter

ROOT = Path(__file__).parents[4]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.fixture(scope="module")
def counter() -> Any:
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    counter = TokenCounter(ROOT / "vendor" / "tiktoken")
    yield counter
    counter.close()
    if before is None:
        os.environ.pop("TIKTOKEN_CACHE_DIR", None)


def chat(*content: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": list(content)}]}


@pytest.mark.parametrize(
    ("body", "meter", "text", "framing"),
    [
        ({"messages": [{"role": "user", "content": "Say hello"}]}, Meter.CHAT, "Say hello", 7),
        (chat({"type": "text", "text": "Look"}, PICTURE), Meter.CHAT, "Look", 7),
        ({"input": "Say hello", "instructions": "Be short"}, Meter.RESPONSE, "Be short\nSay hello", 11),
        ({"input": [{"role": "user", "content": [{"text": "Hi"}]}] * 2}, Meter.RESPONSE, "Hi\nHi", 11),
        ({"input": "Say hello"}, Meter.EMBEDDING, "Say hello", 0),
        ({"prompt": ["a", "b"], "suffix": "c"}, Meter.COMPLETION, "a\nb\nc", 0),
        ({}, Meter.EMBEDDING, "", 0),
    ],
)
def test_the_text_of_a_prompt_is_what_a_model_reads(
    body: dict[str, Any], meter: Meter, text: str, framing: int
) -> None:
    prompt = read_prompt(body, meter)

    assert (prompt.text, prompt.other_tokens) == (text, framing)


@pytest.mark.parametrize("tokens", [[1] * 8_000, [[1] * 4_000, [2] * 4_000]])
def test_tokens_that_the_caller_counted_himself_count_one_each(tokens: list[Any]) -> None:
    assert read_prompt({"input": tokens}, Meter.EMBEDDING).other_tokens == 8_000
    assert read_prompt({"prompt": tokens}, Meter.COMPLETION).other_tokens == 8_000


def test_a_tools_schema_is_read_too() -> None:
    prompt = read_prompt({"input": "x", "tools": [{"type": "function", "name": "weather"}]}, Meter.RESPONSE)

    assert '"weather"' in prompt.text
    assert prompt.hidden == 0


def test_a_prediction_is_read_and_may_be_billed_as_output() -> None:
    prompt = read_prompt({"prediction": {"type": "content", "content": [{"text": "word"}]}}, Meter.CHAT)

    assert (prompt.text, prompt.predicted) == ("word", ["word"])


def test_pictures_count_once_and_less_in_low_detail() -> None:
    small = {"type": "image_url", "image_url": {"url": "https://x.example/y.png", "detail": "low"}}
    large = {"type": "input_image", "image_url": "https://x.example/y.png"}

    assert read_prompt(chat(PICTURE), Meter.CHAT).picture_tokens("gpt-4o") == 1_445
    assert read_prompt(chat(small, small), Meter.CHAT).picture_tokens("gpt-4o") == 170
    assert read_prompt({"input": [{"content": [large]}]}, Meter.RESPONSE).picture_tokens("gpt-4o") == 1_445
    assert read_prompt(chat(small), Meter.CHAT).picture_tokens("gpt-4o-mini") == 2_833


def test_files_and_sound_count_by_their_bytes() -> None:
    file = {"type": "file", "file": {"filename": "", "file_data": "data:application/pdf;base64," + "A" * 16_000}}
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 16_000, "format": "mp3"}}

    assert read_prompt(chat(file), Meter.CHAT).other_tokens == pytest.approx(3_000, abs=20)
    assert read_prompt(chat(sound), Meter.CHAT).audio_tokens == 120


@pytest.mark.parametrize(
    ("body", "hidden"),
    [
        ({"input": [{"content": [{"type": "input_file", "file_id": "file-1"}]}]}, FILE_TOKENS),
        ({"input": [{"content": [{"type": "input_file", "file_url": "https://x.example"}]}]}, FILE_TOKENS),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, STORED_TOKENS),
        ({"prompt": {"id": "pmpt_1"}}, STORED_TOKENS),
        ({"input": "x", "tools": [{"type": "file_search"}, {"type": "mcp"}]}, FILE_SEARCH_TOKENS + TOOL_TOKENS),
        ({"messages": [], "web_search_options": {}}, TOOL_TOKENS),
        ({"input": "x", "tools": [{"type": "custom", "name": "a"}]}, 0),
    ],
)
def test_what_cannot_be_seen_here_has_a_stated_size(body: dict[str, Any], hidden: int) -> None:
    assert read_prompt(body, Meter.RESPONSE).hidden == hidden


def test_what_went_before_is_named() -> None:
    body = {"input": "x", "previous_response_id": "resp_1", "conversation": {"id": "conv_1"}}

    assert read_prompt(body, Meter.RESPONSE).continues == ("resp_1", "conv_1")


DENSE = random.Random(1)
TEXTS = {
    "prose": (ROOT / "docs/explanation/limits.md").read_text(),
    "code": Path(__file__).read_text(),
    "base64": base64.b64encode(DENSE.randbytes(10_000)).decode(),
    "random": "".join(chr(33 + DENSE.randrange(94)) for _ in range(10_000)),
    "alternating": "".join(DENSE.choice("aqxz") + DENSE.choice("!#%^~") for _ in range(5_000)),
    "chinese": "".join(chr(DENSE.randrange(0x4E00, 0x9FA5)) for _ in range(5_000)),
    "emoji": "🏳️‍🌈👩‍💻🦄" * 1_000,
    "cuneiform": "𒀀𒁀𓀀𓁀" * 500,
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4"])
def test_no_text_has_more_tokens_than_bytes(counter: TokenCounter, name: str, model: str) -> None:
    assert counter.count_now(model, TEXTS[name]) <= bound(TEXTS[name]) == len(TEXTS[name].encode())


@settings(max_examples=50)
@given(st.text(max_size=300))
def test_the_bound_holds_for_any_text(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(ROOT / "vendor" / "tiktoken"))
        assert TokenCounter(ROOT / "vendor" / "tiktoken").count_now("gpt-4", text) <= bound(text)


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [{"type": "namespace", "name": str(number), "tools": []} for number in range(12)]},
        {"tools": [{"type": "local_shell"}, {"type": "apply_patch"}]},
        {"tools": [{"type": ["x"]}, {"type": {}}, 7, None]},
        {"input": [{"type": "output_text", "text": "x", "annotations": [{"type": "file_citation", "file_id": "f"}] * 20}]},
        {"input": [{"type": "file_search_call", "results": [{"file_id": "file-1", "text": "found"}]}]},
    ],
)  # fmt: skip
def test_what_the_caller_runs_or_hands_back_himself_hides_nothing(body: dict[str, object]) -> None:
    unknown = {"['x']", "{}"}

    prompt = read_prompt({"input": "x", **body}, Meter.RESPONSE)

    assert prompt.hidden == (len(unknown) * TOOL_TOKENS if "['x']" in str(body) else 0)


def test_a_tool_of_the_provider_counts_once_however_often_it_is_listed() -> None:
    assert read_prompt({"input": "x", "tools": [{"type": "web_search"}] * 5}, Meter.RESPONSE).hidden == TOOL_TOKENS


def test_sealed_reasoning_and_pictures_that_are_handed_back_are_not_text() -> None:
    sealed, picture = "A" * 4_000, "B" * 600_000
    items = [
        {"type": "reasoning", "encrypted_content": sealed, "summary": []},
        {"type": "image_generation_call", "result": picture},
    ]

    prompt = read_prompt({"input": items}, Meter.RESPONSE)

    assert prompt.text == ""
    assert (prompt.file_bytes, prompt.pictures) == (4_000, 1)
