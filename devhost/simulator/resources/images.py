"""POST /images/generations and /images/edits: one tiny real PNG, with the token counts of a full-size one."""

import base64
import struct
import zlib
from collections.abc import Iterator
from time import time

from devhost.simulator.catalog import Deployment, Operation
from devhost.simulator.checks import check_types
from devhost.simulator.content_filter import safe_prompt
from devhost.simulator.errors import bad_request, operation_not_supported
from devhost.simulator.exchange import Answer, Call, Json, ModelIn, Route, Stream, answer, event
from devhost.simulator.tokens import Tokenizer

# Output tokens of gpt-image-1 for square pictures; the oblong sizes cost half as much again.
_SQUARE_TOKENS = {"low": 272, "medium": 1_056, "high": 4_160}
_INPUT_IMAGE_TOKENS = 323
_FIELDS = {"prompt": "a string", "n": "an integer", "stream": "a boolean", "partial_images": "an integer"}


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(red: int, green: int, blue: int) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes((0, red, green, blue)))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixel) + _chunk(b"IEND", b"")


PICTURE = _png(0, 120, 212)


class Images:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "images/generations", self.generate, ModelIn.BODY, by_deployment=True),
            Route("POST", "images/edits", self.edit, ModelIn.FORM, by_deployment=True),
        )

    async def generate(self, call: Call) -> Answer | Stream:
        return await self._picture(call, call.json, 0, "image_generation")

    async def edit(self, call: Call) -> Answer | Stream:
        images = [upload for name, upload in call.form.files if name == "image"] or call.json.get("images") or []
        if not images:
            raise bad_request("Missing required parameter: 'image'.", "image", "missing_required_parameter")
        body = call.json or _typed(call.form.fields)
        return await self._picture(call, body, len(images), "image_edit")

    async def _picture(self, call: Call, body: Json, images: int, kind: str) -> Answer | Stream:
        deployment = call.deployment
        if Operation.IMAGE not in deployment.operations:
            raise operation_not_supported(Operation.IMAGE, deployment.model)
        check_types(body, _FIELDS)
        if not body.get("prompt"):
            raise bad_request("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
        count = body.get("n") or 1
        if not 1 <= count <= (1 if deployment.model == "dall-e-3" else 10):
            raise bad_request(f"Invalid 'n': {count}.", "n", "invalid_value")
        if deployment.model == "dall-e-3":
            return answer({"created": int(time()), "data": [_dall_e_picture(call, body)]})
        usage = await self._usage(deployment, body, images, count)
        look = _look(body)
        if body.get("stream"):
            return Stream(_events(kind, look, usage, body.get("partial_images") or 0))
        data = [{"b64_json": base64.b64encode(PICTURE).decode()} for _ in range(count)]
        return answer({"created": int(time()), "data": data, **look, "usage": usage})

    async def _usage(self, deployment: Deployment, body: Json, images: int, count: int) -> Json:
        text = await self._tokenizer.count(body["prompt"], deployment.encoding)
        read = images * _INPUT_IMAGE_TOKENS
        look = _look(body)
        oblong = look["size"] != "1024x1024"
        written = count * _SQUARE_TOKENS[look["quality"]] * (3 if oblong else 2) // 2
        return {
            "input_tokens": text + read,
            "input_tokens_details": {"image_tokens": read, "text_tokens": text},
            "output_tokens": written,
            "output_tokens_details": {"image_tokens": written, "text_tokens": 0},
            "total_tokens": text + read + written,
        }


def _typed(fields: object) -> Json:
    """Form fields are text; the numbers and booleans among them are made so."""
    body: Json = dict(fields)  # type: ignore[call-overload]
    for name in ("n", "partial_images"):
        if body.get(name, "").isdecimal():
            body[name] = int(body[name])
    if "stream" in body:
        body["stream"] = body["stream"] == "true"
    return body


def _look(body: Json) -> Json:
    quality, size = body.get("quality"), body.get("size")
    return {
        "background": "opaque",
        "output_format": body.get("output_format") or "png",
        "quality": quality if quality in _SQUARE_TOKENS else "medium",
        "size": size if size in ("1024x1536", "1536x1024") else "1024x1024",
    }


def _dall_e_picture(call: Call, body: Json) -> Json:
    picture: Json = {
        "revised_prompt": f"A picture of: {body['prompt'][:200]}",
        "content_filter_results": safe_prompt(),
        "prompt_filter_results": safe_prompt(),
    }
    if body.get("response_format") == "b64_json":
        return {**picture, "b64_json": base64.b64encode(PICTURE).decode()}
    return {**picture, "url": f"{call.origin}/_simulator/picture.png"}


def _events(kind: str, look: Json, usage: Json, partial: int) -> Iterator[bytes]:
    shared = {"b64_json": base64.b64encode(PICTURE).decode(), "created_at": int(time()), **look}
    for index in range(partial):
        name = f"{kind}.partial_image"
        yield event({"type": name, "partial_image_index": index, **shared}, name)
    name = f"{kind}.completed"
    yield event({"type": name, **shared, "usage": usage}, name)
