"""Reads a JSON body under caps, exactly: amounts stay decimal, nothing is said twice, nothing is nested beyond reason."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from decimal import Decimal
from typing import Any

import orjson

from shared.gateway.message import GatewayRequest
from shared.management.problems import FieldError, Invalid, Malformed, NotJson, TooLarge, TooSlow, dotted, invalid

MAX_BYTES = 2**20
MAX_STREAM_BYTES, STREAM_S = 200 * 2**20, 200.0
"""What is read piece by piece may be so long, and may take so long: the platform ends every request after 230 seconds."""

MAX_DEPTH = 32
MAX_VALUES = 100_000
MAX_DIGITS = 60
MAX_EXPONENT = 30
"""What a number is made of costs the more time the larger its exponent is: nothing here needs one beyond this."""

# Possessive, and content with an open end: no text makes it look at anything twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_TOO_LONG = f"must be a number of at most {MAX_DIGITS} characters, with an exponent of at most {MAX_EXPONENT}"
_EXCESSIVE = object()
"""Stands for a number that is not read; where it stands is known only once the whole is."""

_TYPES = ("application/json", "application/merge-patch+json")


async def read_object(request: GatewayRequest, *, is_required: bool = True) -> dict[str, Any]:
    """Return the body as an object. Raises Malformed, NotJson, TooLarge and Invalid."""
    raw = await _collect(request)
    if not raw.strip() and not is_required:
        return {}
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type not in _TYPES:
        raise NotJson("Send the body as content-type application/json.")
    return parse_object(raw)


async def read_stream(request: GatewayRequest, content_type: str) -> AsyncGenerator[bytes]:
    """Yield the body as it comes. Raises NotJson for another type, TooSlow, and TooLarge once it is that."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != content_type:
        raise NotJson(f"Send the body as content-type {content_type}.")
    size, pieces = 0, request.body()
    deadline = asyncio.get_running_loop().time() + STREAM_S
    while True:
        # Not around the whole loop: a timeout must not strike while the reader works on a piece.
        try:
            async with asyncio.timeout_at(deadline):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise TooSlow("The body did not arrive in time.") from None
        if piece is None:
            return
        size += len(piece)
        if size > MAX_STREAM_BYTES:
            raise TooLarge(f"The body is larger than {MAX_STREAM_BYTES} bytes.")
        yield piece


async def _collect(request: GatewayRequest) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BYTES:
        raise _too_large()
    raw = bytearray()
    async for piece in request.body():
        raw += piece
        if len(raw) > MAX_BYTES:
            raise _too_large()
    return bytes(raw)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return a JSON object. Raises Malformed and Invalid, which never repeat the body."""
    if raw.count(b",") >= MAX_VALUES:
        raise Malformed(f"The body has more than {MAX_VALUES} values.")
    if _is_too_deep(raw):
        raise Malformed(f"The body is nested more than {MAX_DEPTH} levels deep.")
    parsed = _exact(raw)
    if errors := [FieldError(place, _TOO_LONG) for place in _excessive(parsed, ())]:
        raise Invalid(errors)
    try:
        # This parser decides what is JSON at all; the other one is lenient.
        orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    if not isinstance(parsed, dict):
        raise Malformed("The body must be a JSON object.")
    return parsed


def _exact(raw: bytes) -> object:
    """Return what is written with every digit of its numbers; None for what is no JSON. Raises Invalid."""
    try:
        return json.loads(raw, parse_float=_decimal, parse_int=_whole, object_pairs_hook=_object)
    except ValueError:
        return None


def _decimal(text: str) -> object:
    exponent = text.lower().partition("e")[2]
    if len(text) > MAX_DIGITS or abs(int(exponent or 0)) > MAX_EXPONENT:
        return _EXCESSIVE
    return Decimal(text)


def _whole(text: str) -> object:
    return _EXCESSIVE if len(text) > MAX_DIGITS else int(text)


def _excessive(value: object, place: tuple[str | int, ...]) -> Iterator[str]:
    """Yield the fields that hold a number which is not read."""
    if value is _EXCESSIVE:
        yield dotted(place)
    elif isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _excessive(item, (*place, name))


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise invalid(next(name for name in names if names.count(name) > 1)[:100], "is written twice")
    return found


def _is_too_deep(raw: bytes) -> bool:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _too_large() -> TooLarge:
    return TooLarge(f"The body is larger than {MAX_BYTES} bytes.")
