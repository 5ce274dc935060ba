"""POST /embeddings: the same text always has the same unit vector, whether sent as text or as tokens."""

import base64
import hashlib
from array import array
from math import sqrt
from typing import Any

from devhost.simulator.catalog import Deployment, Operation
from devhost.simulator.checks import required
from devhost.simulator.errors import bad_request, context_exceeded, operation_not_supported
from devhost.simulator.exchange import Answer, Call, Json, ModelIn, Route, answer
from devhost.simulator.tokens import Tokenizer

_MOST_INPUTS = 2_048


class Embeddings:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def routes(self) -> tuple[Route, ...]:
        return (Route("POST", "embeddings", self.create, ModelIn.BODY, by_deployment=True),)

    async def create(self, call: Call) -> Answer:
        deployment, body = call.deployment, call.json
        if Operation.EMBEDDING not in deployment.operations:
            raise operation_not_supported(Operation.EMBEDDING, deployment.model)
        inputs = _inputs(required(body, "input"))
        dimensions = _dimensions(body, deployment)
        encoding_format = body.get("encoding_format") or "float"
        if encoding_format not in ("float", "base64"):
            raise bad_request("Invalid 'encoding_format'.", "encoding_format", "invalid_value")
        data, tokens = [], 0
        for index, each in enumerate(inputs):
            ids = await self._tokenizer.ids((each,), deployment.encoding) if isinstance(each, str) else each
            if len(ids) > deployment.context_tokens:
                raise context_exceeded(deployment.context_tokens, len(ids), "input")
            tokens += len(ids)
            vector = unit_vector(array("q", ids).tobytes(), dimensions)
            embedding = base64.b64encode(vector.tobytes()).decode() if encoding_format == "base64" else vector.tolist()
            data.append({"object": "embedding", "index": index, "embedding": embedding})
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return answer({"object": "list", "data": data, "model": deployment.model, "usage": usage})


def unit_vector(seed: bytes, dimensions: int) -> "array[float]":
    """Return a vector of length one, as little-endian 32-bit floats."""
    raw = array("h", hashlib.shake_128(seed).digest(2 * dimensions))
    length = sqrt(sum(value * value for value in raw)) or 1.0
    return array("f", [value / length for value in raw])


def _inputs(value: Any) -> list[str | list[int]]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or len(texts) > _MOST_INPUTS:
        raise _invalid()
    if all(isinstance(each, str) and each for each in texts):
        return texts
    lists = [texts] if isinstance(texts[0], int) else texts
    if not all(isinstance(ids, list) and ids and all(_is_token(each) for each in ids) for ids in lists):
        raise _invalid()
    return lists


def _is_token(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def _invalid() -> Exception:
    return bad_request("'$.input' is invalid: send text, tokens, or an array of either; none of it empty.", "input")


def _dimensions(body: Json, deployment: Deployment) -> int:
    dimensions = body.get("dimensions")
    if dimensions is None:
        return deployment.dimensions
    if not isinstance(dimensions, int) or not 1 <= dimensions <= deployment.dimensions:
        message = f"Invalid 'dimensions': it must be between 1 and {deployment.dimensions}."
        raise bad_request(message, "dimensions", "invalid_value")
    return dimensions
