"""What a person or a script sees: answers on stdout, everything said about them on stderr."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

_NUMBER = re.compile(r"-?\d+(\.\d+)?%?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_PLAIN = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Terminal:
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO

    def show(self, text: str) -> None:
        self.stdout.write(clean(text) + "\n")

    def show_json(self, value: object) -> None:
        self.stdout.write(as_json(value))

    def note(self, text: str) -> None:
        self.stderr.write(clean(text) + "\n")

    def progress(self, line: str) -> None:
        """Show a line in place of the last one, where somebody watches; an empty one takes it away."""
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[2K{clean(line)}")
            self.stderr.flush()

    def confirms(self, question: str) -> bool | None:
        """Return the answer to a question; None where nobody can be asked."""
        if not self.stdin.isatty():
            return None
        self.stdout.flush()
        self.stderr.write(f"{question} [y/N] ")
        self.stderr.flush()
        typed = self.stdin.readline()
        if not typed:  # The end of the input has not ended the line.
            self.stderr.write("\n")
        return typed.strip().lower() in ("y", "yes")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write the rows below their columns' names; numbers stand at the right."""
        texts = [[_cell(cell) for cell in row] for row in rows]
        places = range(len(columns))
        widths = [max(len(row[place]) for row in [columns, *texts]) for place in places]
        at_right = [bool(texts) and all(_NUMBER.fullmatch(row[place]) for row in texts) for place in places]
        for row in [[column.upper() for column in columns], *texts]:
            cells = [
                row[place].rjust(widths[place]) if at_right[place] else row[place].ljust(widths[place])
                for place in places
            ]
            self.show("  ".join(cells).rstrip())

    def facts(self, values: Mapping[str, Any]) -> None:
        """Write one line for each name and its value."""
        width = max((len(name) for name in values), default=0)
        for name, value in values.items():
            self.show(f"{name.ljust(width)}  {_cell(value)}")


def as_json(value: object) -> str:
    """Return JSON that is YAML too: what a YAML parser takes for a line's end or refuses is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _NOT_PLAIN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def is_plain(text: str) -> bool:
    """Whether YAML takes the text as it is, line for line."""
    return not _NOT_PLAIN.search(text)


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def clean(text: str) -> str:
    """Return the text without what would steer a terminal: names come from other people."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else compact(value)
    return clean(text).replace("\n", " ")
