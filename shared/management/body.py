"""Reads a JSON body under caps, exactly: amounts stay decimal, nothing is said twice, nothing is nested beyond reason."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson

from shared.gateway.message import GatewayRequest
from shared.management.problems import Malformed, NotJson, TooLarge, invalid

MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_VALUES = 100_000
# Possessive, and content with an open end: no text makes it look at anything twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
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
    try:
        # The strict parser decides what is JSON at all; the other one keeps decimals exact.
        orjson.loads(raw)
        parsed = json.loads(raw, parse_float=Decimal, object_pairs_hook=_object)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except ValueError:
        raise Malformed("The body holds a number with too many digits.") from None
    if not isinstance(parsed, dict):
        raise Malformed("The body must be a JSON object.")
    return parsed


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
