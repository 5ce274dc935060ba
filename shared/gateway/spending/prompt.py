"""Finds everything in a request that a model will read: its text, and what costs tokens without being text."""

import re
from dataclasses import dataclass, field

import orjson

from shared.gateway.call import Json
from shared.wire.openai.endpoints import Meter

PER_MESSAGE, PRIMING = 4, 3
"""Tokens that frame a message, its role included, and the reply (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken)."""

FILE_TOKENS = 10_000
"""A file that the upstream keeps or fetches itself: nobody here knows its length."""

STORED_TOKENS = 1_000
"""An item or a prompt template that is named by its id."""

TOOL_TOKENS, FILE_SEARCH_TOKENS = 8_000, 16_000
"""What a tool of the provider brings into the prompt: the fixed block of a web search, and twenty chunks of 800 tokens of a file search
(https://platform.openai.com/docs/pricing, https://platform.openai.com/docs/guides/tools-file-search)."""

FILE_BYTES_PER_TOKEN = 4
"""Of a file in the prompt: a PDF's page takes some 1,500 tokens and seldom less than 6 KB, and prose has four characters a token."""

AUDIO_BYTES_PER_TOKEN = 100
"""Ten tokens a second, of the most compressed speech that is usual: 8 kbit/s."""

_PICTURES = (
    (re.compile("gpt-4o-mini"), 48_169, 2_833),
    (re.compile("nano"), 3_779, 3_779),
    (re.compile("mini"), 2_643, 2_643),
)
_USUAL_PICTURE = 1_445, 85
"""The most that a picture takes in high detail, and in low (https://platform.openai.com/docs/guides/images-vision)."""

_TEXT_KEYS = ("instructions", "system", "messages", "input", "prompt", "suffix")
_SCHEMA_KEYS = ("tools", "functions", "text", "response_format")
NO_TEXT = frozenset(
    {"image_url", "file_data", "file_url", "input_audio", "type", "role", "id", "file_id", "detail", "annotations",
     "encrypted_content"}
)  # fmt: skip
_MEDIA = frozenset({"image_url", "file_data", "file_url", "input_audio", "file_id"})
_FILES = frozenset({"input_file", "input_image", "image_file", "file"})
_OWN_TOOLS = frozenset(
    {"function", "custom", "namespace", "local_shell", "shell", "apply_patch", "tool_search", "computer",
     "computer_use_preview"}
)  # fmt: skip
"""Tools that the caller runs himself: what they bring is in the request."""


@dataclass(slots=True)
class Prompt:
    """`ids` are tokens that the caller counted himself, `hidden` what is surely not known here; `continues` names what went before."""

    texts: list[str] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)
    ids: int = 0
    framing: int = 0
    pictures: int = 0
    thumbnails: int = 0
    file_bytes: int = 0
    audio_bytes: int = 0
    hidden: int = 0
    continues: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def audio_tokens(self) -> int:
        return -(-self.audio_bytes // AUDIO_BYTES_PER_TOKEN)

    def picture_tokens(self, model: str) -> int:
        if not (self.pictures or self.thumbnails):
            return 0
        large, small = next((sizes for glob, *sizes in _PICTURES if glob.search(model)), _USUAL_PICTURE)
        return self.pictures * large + self.thumbnails * small

    @property
    def other_tokens(self) -> int:
        """What is neither text nor picture nor sound."""
        return self.ids + self.framing - (-self.file_bytes // FILE_BYTES_PER_TOKEN)


def read_prompt(body: Json, meter: Meter) -> Prompt:
    """Read what the model will: iteratively, since the depth is the caller's choice."""
    prompt = Prompt()
    for key in _TEXT_KEYS:
        if (value := body.get(key)) is not None:
            _read(prompt, value)
    for key in _SCHEMA_KEYS:
        if value := body.get(key):
            prompt.texts.append(orjson.dumps(value).decode())
    if "prediction" in body:
        _read_prediction(prompt, body["prediction"])
    if meter in (Meter.CHAT, Meter.RESPONSE):
        prompt.framing = PRIMING + PER_MESSAGE * _messages(body)
        _read_hidden(prompt, body)
    return prompt


def bound(text: str) -> int:
    """Return a number of tokens that no text of this length exceeds: none of them is shorter than a byte."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _messages(body: Json) -> int:
    listed = body.get("messages") or body.get("input")
    return (len(listed) if isinstance(listed, list) else 1) + ("instructions" in body)


def _read(prompt: Prompt, root: object) -> None:
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            prompt.texts.append(node)
        elif isinstance(node, list):
            pending.extend(reversed(node))
        elif isinstance(node, dict):
            if not _MEDIA.isdisjoint(node) or node.get("type") == "item_reference":
                _read_media(prompt, node)
            if isinstance(sealed := node.get("encrypted_content"), str):
                prompt.file_bytes += len(sealed)
            is_picture = node.get("type") == "image_generation_call"
            prompt.pictures += is_picture
            pending.extend(
                [
                    value
                    for key, value in reversed(node.items())
                    if key not in NO_TEXT and not (is_picture and key == "result")
                ]
            )
        elif isinstance(node, int):
            prompt.ids += 1


def _read_media(prompt: Prompt, node: Json) -> None:
    kind = str(node.get("type"))
    if kind == "item_reference":
        prompt.hidden += STORED_TOKENS
    elif "image_url" in node or "image" in kind or "screenshot" in kind:
        shown = node.get("image_url")
        detail = shown.get("detail") if isinstance(shown, dict) else node.get("detail")
        prompt.thumbnails += detail == "low"
        prompt.pictures += detail != "low"
    elif isinstance(sound := node.get("input_audio"), dict):
        prompt.audio_bytes += _decoded(sound.get("data"))
    elif isinstance(node.get("file_data"), str):
        prompt.file_bytes += _decoded(node["file_data"])
    elif kind in _FILES or ("type" not in node and "text" not in node):
        # A citation, or a file search's result that is handed back, names a file that is not read again.
        prompt.hidden += FILE_TOKENS


def _decoded(base64: object) -> int:
    return len(base64) * 3 // 4 if isinstance(base64, str) else 0


def _read_prediction(prompt: Prompt, prediction: object) -> None:
    expected = Prompt()
    _read(expected, prediction)
    prompt.predicted = expected.texts
    prompt.texts.extend(expected.texts)


def _read_hidden(prompt: Prompt, body: Json) -> None:
    tools = body.get("tools")
    kinds = {str(tool.get("type")) for tool in (tools if isinstance(tools, list) else ()) if isinstance(tool, dict)}
    for kind in kinds - _OWN_TOOLS:
        prompt.hidden += FILE_SEARCH_TOKENS if kind == "file_search" else TOOL_TOKENS
    if "web_search_options" in body:
        prompt.hidden += TOOL_TOKENS
    if isinstance(template := body.get("prompt"), dict) and "id" in template:
        prompt.hidden += STORED_TOKENS
    conversation = body.get("conversation")
    named = conversation.get("id") if isinstance(conversation, dict) else conversation
    prompt.continues = tuple(
        identity for identity in (body.get("previous_response_id"), named) if isinstance(identity, str) and identity
    )
