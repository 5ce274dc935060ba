"""Finds the small fields of a multipart form in its bytes, so that files pass through exactly as they were sent (RFC 7578)."""

import re
from dataclasses import dataclass

_BOUNDARY = re.compile(r';[ \t]*boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))(?=[ \t]*(?:;|$))', re.IGNORECASE)
_LINE_END = re.compile(rb"(?:--)?[ \t]*(?:\r\n|\Z)")
_DISPOSITION = re.compile(rb"^content-disposition:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rb';[ \t]*name="([^"]*)"', re.IGNORECASE)
_FILE_NAME = re.compile(rb";[ \t]*filename\*?=", re.IGNORECASE)
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
    """The plain fields by name, and where the contents of its file parts stand."""

    fields: dict[str, Field]
    files: tuple[tuple[int, int], ...]

    @property
    def file_bytes(self) -> int:
        return sum(end - start for start, end in self.files)

    def value(self, name: str) -> str | None:
        field = self.fields.get(name)
        return field.value if field else None


def parse_form(raw: bytes, content_type: str) -> Form:
    """Return the form's fields. Raises MultipartInvalid.

    What two readers could understand in two ways is refused, above all a field that is sent twice: the gateway and the upstream
    must see the same form.
    """
    delimiter = _delimiter(content_type)
    at = _after_first(raw, delimiter)
    fields: dict[str, Field] = {}
    file_names: set[str] = set()
    files: list[tuple[int, int]] = []
    for _ in range(MAX_PARTS + 1):
        if _LINE_END.match(raw, at) is None:
            raise MultipartInvalid("a boundary is not alone on its line")
        if raw.startswith(b"--", at):
            return Form(fields, tuple(files))
        start, end, name, is_file = _part(raw, at, delimiter)
        if is_file or end - start > MAX_FIELD:
            file_names.add(name)
            files.append((start, end))
        else:
            if name in fields and not name.endswith("[]"):
                raise _sent_twice(name)
            fields[name] = Field(_text(raw[start:end], name), start, end)
        if name in fields and name in file_names:
            raise _sent_twice(name)
        at = end + 2 + len(delimiter)
    raise MultipartInvalid(f"the form has more than {MAX_PARTS} parts")


def _delimiter(content_type: str) -> bytes:
    boundaries = _BOUNDARY.findall(content_type)
    if len(boundaries) != 1 or content_type.lower().count("boundary") != 1:
        raise MultipartInvalid("the content-type does not name exactly one boundary")
    quoted, plain = boundaries[0]
    return b"--" + str(quoted or plain).encode("latin-1", "replace")


def _after_first(raw: bytes, delimiter: bytes) -> int:
    if raw.startswith(delimiter):
        return len(delimiter)
    first = raw.find(b"\r\n" + delimiter)
    if first < 0:
        raise MultipartInvalid("the body does not begin with the boundary")
    return first + 2 + len(delimiter)


def _part(raw: bytes, at: int, delimiter: bytes) -> tuple[int, int, str, bool]:
    """The part that begins after the delimiter at `at`: where its content stands, its name, and whether it is a file."""
    headers_end = raw.find(b"\r\n\r\n", at)
    if headers_end < 0:
        raise MultipartInvalid("a part has no end of its headers")
    headers = raw[at:headers_end]
    dispositions = _DISPOSITION.findall(headers)
    names = _NAME.findall(dispositions[0]) if len(dispositions) == 1 else []
    if len(names) != 1:
        raise MultipartInvalid("a part does not have exactly one name")
    start = headers_end + 4
    end = raw.find(b"\r\n" + delimiter, start)
    if end < 0:
        raise MultipartInvalid("the closing boundary is missing")
    if raw.startswith(delimiter, start):
        raise MultipartInvalid("a part ends with its headers")
    return start, end, names[0].decode("utf-8", "replace"), _FILE_NAME.search(dispositions[0]) is not None


def _sent_twice(name: str) -> MultipartInvalid:
    return MultipartInvalid(f"the field {name[:40]!r} is sent twice")


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MultipartInvalid(f"the field {name[:40]!r} is not UTF-8") from None


def set_field(raw: bytes, form: Form, name: str, value: str) -> bytes:
    """Return the body with the text of one field replaced, or with the field put in front."""
    field = form.fields.get(name)
    if field is None:
        delimiter = raw[raw.index(b"--") :].split(b"\r\n", 1)[0]
        header = f'\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        return delimiter + header.encode() + raw[raw.index(delimiter) :]
    return raw[: field.start] + value.encode() + raw[field.end :]
