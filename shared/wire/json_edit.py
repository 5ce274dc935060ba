"""Small edits of a JSON object's bytes: everything that is not edited stays as the caller wrote it, byte for byte."""

import json
import re
from collections.abc import Mapping

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_KEY = b'"model"'
_COLON = re.compile(rb"\s*:\s*")
_ESCAPED_LETTER = rb"\u006"


class DuplicateKey(ValueError):
    """A top-level key is written twice: readers disagree on which one counts, so neither may be trusted."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The key {key!r} is written twice.")
        self.key = key


def set_model(raw: bytes, parsed: Mapping[str, object], model: str) -> bytes:
    """Return the object with its top-level `model` set; the same bytes where it is so already.

    Raises DuplicateKey.
    """
    current = parsed.get("model")
    # With an escaped letter in it the key itself would escape the search, and a nested one could be taken for it.
    if isinstance(current, str) and _ESCAPED_LETTER not in raw:
        values = _values_of_model(raw)
        written = json.dumps(current, ensure_ascii=False).encode()
        if len(values) == 1 and raw.startswith(written, values[0]):
            at = values[0]
            return raw if current == model else raw[:at] + json.dumps(model).encode() + raw[at + len(written) :]
    if current == model:
        member_spans(raw.decode())
        return raw
    return set_member(raw, "model", json.dumps(model))


def _values_of_model(raw: bytes) -> list[int]:
    """Return where the values of keys that read `model` begin, however deep; two are enough to know that there are several."""
    values: list[int] = []
    at = raw.find(_KEY)
    while at >= 0 and len(values) < 2:
        if colon := _COLON.match(raw, at + len(_KEY)):
            values.append(colon.end())
        at = raw.find(_KEY, at + len(_KEY))
    return values


def ask_for_usage(raw: bytes, parsed: Mapping[str, object]) -> bytes:
    """Return the object with `stream_options.include_usage` true and its other stream options kept."""
    options = parsed.get("stream_options")
    if options is None and b"stream_options" not in raw and b"\\u" not in raw:
        return _insert(raw, b'"stream_options":{"include_usage":true}', empty=not parsed)
    kept = dict(options) if isinstance(options, Mapping) else {}
    return set_member(raw, "stream_options", json.dumps({**kept, "include_usage": True}, ensure_ascii=False))


def set_member(raw: bytes, key: str, value: str) -> bytes:
    """Replace the value of one top-level member, or add the member at the front. Raises DuplicateKey."""
    text = raw.decode()
    spans = member_spans(text)
    if key not in spans:
        return _insert(raw, f"{json.dumps(key)}:{value}".encode(), empty=not spans)
    start, end = spans[key]
    return f"{text[:start]}{value}{text[end:]}".encode()


def member_spans(text: str) -> dict[str, tuple[int, int]]:
    """Return where each top-level value stands in the text of a JSON object. Raises DuplicateKey and ValueError."""
    spans: dict[str, tuple[int, int]] = {}
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        if key in spans:
            raise DuplicateKey(key)
        spans[key] = (start, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return spans


def refuse_duplicates(raw: bytes) -> None:
    """Raise DuplicateKey if any object in the text, however deep, writes a key twice."""
    json.loads(raw, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKey(key)
            seen.add(key)
    return members


def _insert(raw: bytes, member: bytes, *, empty: bool) -> bytes:
    at = raw.index(b"{") + 1
    return raw[:at] + member + (b"" if empty else b",") + raw[at:]


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
