"""Reads multipart forms from bytes, so that a recorded body and a parsed one are the same bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_NAME = re.compile(r'[; ]name="((?:[^"\\]|\\.)*)"')
_FILENAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"')
_EXTENDED_FILENAME = re.compile(r"filename\*=UTF-8''([^;\s]+)", re.IGNORECASE)


class MalformedForm(Exception):
    """The body is not the multipart form that its content type promises."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a form."""

    filename: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """Fields (the last of a name wins; `name[]` loses its brackets) and files in order."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, Upload], ...] = ()

    def file(self, name: str) -> Upload | None:
        return next((upload for key, upload in self.files if key == name), None)


def parse_form(content_type: str, body: bytes) -> Form:
    """Return the form. Raises MalformedForm."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise MalformedForm("no boundary")
    delimiter = b"\r\n--" + boundary[1].encode()
    sections = (b"\r\n" + body).split(delimiter)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise MalformedForm("no closing boundary")
    fields: dict[str, str] = {}
    files: list[tuple[str, Upload]] = []
    for section in sections[1:-1]:
        head, separator, content = section.partition(b"\r\n\r\n")
        disposition = head.decode("utf-8", "replace")
        name = _NAME.search(disposition)
        if not separator or name is None:
            raise MalformedForm("a part without a name")
        key = name[1].removesuffix("[]")
        filename = _filename(disposition)
        if filename is None:
            fields[key] = content.decode("utf-8", "replace")
        else:
            files.append((key, Upload(filename, content)))
    return Form(fields, tuple(files))


def _filename(disposition: str) -> str | None:
    if extended := _EXTENDED_FILENAME.search(disposition):
        return unquote(extended[1])
    plain = _FILENAME.search(disposition)
    return plain[1].replace("%22", '"').replace('\\"', '"') if plain else None
