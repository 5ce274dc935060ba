"""Finds the small fields of a multipart form in its bytes, so that files pass through exactly as they were sent (RFC 7578)."""

import re
from dataclasses import dataclass

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)
MAX_PARTS = 1000
MAX_FIELD = 64 * 1024


class MultipartInvalid(ValueError):
    """The body is not a well-formed form; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Field:
    """A part without a file name: its text, and where the text stands in the body."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Form:
    """The plain fields by name, and the bytes that its file parts hold."""

    fields: dict[str, Field]
    file_bytes: int

    def value(self, name: str) -> str | None:
        field = self.fields.get(name)
        return field.value if field else None


def parse_form(raw: bytes, content_type: str) -> Form:
    """Return the form's fields. Raises MultipartInvalid; a field that is sent twice is refused, as its meaning is unclear."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise MultipartInvalid("the content-type names no boundary")
    delimiter = b"--" + (match[1] or match[2]).encode("latin-1", "replace")
    if raw.startswith(delimiter):
        at = len(delimiter)
    elif (first := raw.find(b"\r\n" + delimiter)) >= 0:
        at = first + 2 + len(delimiter)
    else:
        raise MultipartInvalid("the body does not begin with the boundary")
    fields: dict[str, Field] = {}
    file_bytes = 0
    for _ in range(MAX_PARTS):
        if raw.startswith(b"--", at):
            return Form(fields, file_bytes)
        start, end, name, is_file = _part(raw, at, delimiter)
        if is_file or end - start > MAX_FIELD:
            file_bytes += end - start
        else:
            if name in fields and not name.endswith("[]"):
                raise MultipartInvalid(f"the field {name[:40]!r} is sent twice")
            fields[name] = Field(_text(raw[start:end], name), start, end)
        at = end + 2 + len(delimiter)
    raise MultipartInvalid(f"the form has more than {MAX_PARTS} parts")


def _part(raw: bytes, at: int, delimiter: bytes) -> tuple[int, int, str, bool]:
    """The part that begins after the delimiter at `at`: where its content stands, its name, and whether it is a file."""
    headers_end = raw.find(b"\r\n\r\n", at)
    if headers_end < 0:
        raise MultipartInvalid("a part has no end of its headers")
    headers = raw[at:headers_end]
    name = _NAME.search(headers)
    if name is None or len(headers) > MAX_FIELD:
        raise MultipartInvalid("a part has no name")
    start = headers_end + 4
    end = raw.find(b"\r\n" + delimiter, start - 2)
    if end < 0:
        raise MultipartInvalid("the closing boundary is missing")
    return start, max(start, end), name[1].decode("utf-8", "replace"), b"filename" in headers.lower()


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MultipartInvalid(f"the field {name[:40]!r} is not UTF-8") from None


def set_field(raw: bytes, form: Form, name: str, value: str) -> bytes:
    """Return the body with the text of one existing field replaced."""
    field = form.fields[name]
    return raw[: field.start] + value.encode() + raw[field.end :]
