"""What of one or more files is applied, and where in which file each part of it stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from cli.document import Document, read_document
from cli.errors import Mistake, Misused, misused

LISTS = ("areas", "teams", "applications", "users", "policies", "budgets", "keys")
SECTIONS = ("organization", *LISTS)
AT_THE_START = (
    "version",
    "deployments",
    "routes",
    "prices",
    "entra",
    "trusted_proxies",
    "default_response_model",
    "objects_deployment",
    "retry",
    "circuit",
    "body",
    "stream",
)
"""Sections of the start configuration that no store holds."""

_PLACE = re.compile(r"resources\.([a-z]+)(?:\[(\d+)\])?(.*)", re.DOTALL)


@dataclass(slots=True)
class Resources:
    """`wanted` is what is sent, `kept` are sections all of whose items stay out of it; `notes` say what of the files does."""

    wanted: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _left_out: set[str] = field(default_factory=set)
    _mistakes: list[Mistake] = field(default_factory=list)
    _origins: dict[str, tuple[Document, str]] = field(default_factory=dict)

    @property
    def kept(self) -> list[str]:
        """Sections that say nothing of what is stored, so that nothing of them is pruned."""
        return sorted(self._left_out - set(self.wanted))

    def place(self, named: str) -> str:
        """Return file, line and field of what the gateway names as in `resources.teams[3].area`."""
        found = _PLACE.fullmatch(named)
        if not found:
            return named
        section, index, rest = found.groups()
        document, path = self._origins.get(f"{section}[{index}]" if index else section, (None, ""))
        return document.place(path + rest) if document else named

    def add(self, document: Document) -> None:
        known = [name for name in document.root if name in AT_THE_START]
        if known:
            self.notes.append(f"{document.name}: {', '.join(known)}: read at the start, not applied")
        for name, value in document.root.items():
            if name == "organization":
                self._add_organization(document, value)
            elif name in LISTS:
                self._add_list(document, name, value)
            elif name not in AT_THE_START:
                self._wrong(document, name, f"is not a known section; there are {', '.join(SECTIONS)}")

    def finish(self) -> None:
        """Raises Misused with everything that is wrong."""
        if self._mistakes:
            raise Misused(self._mistakes)

    def _add_organization(self, document: Document, value: object) -> None:
        if "organization" in self.wanted:
            self._wrong(document, "organization", "is in another file already")
        self.wanted["organization"] = value
        self._origins["organization"] = document, "organization"

    def _add_list(self, document: Document, name: str, value: object) -> None:
        if not isinstance(value, list):
            return self._wrong(document, name, "must be a list")
        items = self._applied(document, name, value)
        if value and not items:
            return None
        merged = self.wanted.setdefault(name, [])
        assert isinstance(merged, list)
        for index, item in items:
            self._origins[f"{name}[{len(merged)}]"] = document, f"{name}[{index}]"
            merged.append(item)
        return None

    def _applied(self, document: Document, name: str, value: list[object]) -> list[tuple[int, object]]:
        """Return the items, with their places in the file, that a store can hold."""
        items = []
        for index, item in enumerate(value):
            own = f"{name}[{index}]"
            if name == "keys" and isinstance(item, dict) and "secret_ref" in item:
                self.notes.append(
                    f"{document.place(own)}: has a secret_ref: belongs to the start configuration, not applied"
                )
                self._left_out.add(name)
            else:
                items.append((index, item))
        return items

    def _wrong(self, document: Document, path: str, message: str) -> None:
        self._mistakes.append(Mistake(document.place(path), message))


def read_resources(paths: Sequence[str], stdin: TextIO) -> Resources:
    """Read the files one after the other; `-` is what comes in at stdin. Raises Misused."""
    found = Resources()
    for path in paths:
        name = "stdin" if path == "-" else path
        found.add(read_document(name, _bytes(path, stdin)))
    found.finish()
    return found


def _bytes(path: str, stdin: TextIO) -> bytes:
    try:
        return stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise misused(path, f"cannot be read: {error.strerror}") from None
