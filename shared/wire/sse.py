"""Watches a stream of server-sent events go by: finds event borders and picks out the few events that matter.

The stream itself is passed on as it came. Events that must not reach the caller are cut out whole; everything else, including
comments, odd line ends and events that nobody understands, stays
(https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import re
from collections.abc import Callable

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n")
MAX_EVENT = 32 * 1024 * 1024
COMMENT = b": keep-alive\n\n"

Watcher = Callable[[bytes], bool]
"""Looks at one event's bytes and says whether the caller may have it."""


class EventWatch:
    """Shows whole events to a watcher, but only those in which `interesting` matches.

    `feed` returns what may go out now. A watch that `cuts` holds an unfinished event back, so that it is passed on whole or
    not at all; any other passes every piece on at once. An event beyond 32 MiB is passed on unseen.
    """

    __slots__ = ("_cuts", "_held", "_interesting", "_size", "_tail", "_watch")

    def __init__(self, interesting: re.Pattern[bytes], watch: Watcher, *, cuts: bool) -> None:
        self._interesting = interesting
        self._watch = watch
        self._cuts = cuts
        self._held: list[bytes] = []
        self._size = 0
        self._tail = b""

    @property
    def is_at_border(self) -> bool:
        """Whether the stream so far ends with a whole event, so that a comment may follow."""
        return not self._held

    def feed(self, piece: bytes) -> bytes:
        if not self._held and piece.endswith(b"\n\n") and not self._interesting.search(piece):
            return piece
        passed_on = self._assemble(piece)
        return passed_on if self._cuts else piece

    def finish(self) -> bytes:
        """The stream is over: show the watcher what is left, and return it if it has not gone out yet."""
        rest = self._take()
        admitted = not rest or self._admits(rest)
        return rest if admitted and self._cuts else b""

    def _assemble(self, piece: bytes) -> bytes:
        self._held.append(piece)
        self._size += len(piece)
        # A border can fall between two pieces: its first bytes are then in the tail of what came before.
        seen, self._tail = self._tail + piece, (self._tail + piece)[-3:]
        if self._size > MAX_EVENT:
            return self._take()
        if not _END.search(seen):
            return b""
        return self._split(self._take())

    def _split(self, raw: bytes) -> bytes:
        admitted, at = [], 0
        for border in _END.finditer(raw):
            event = raw[at : border.end()]
            at = border.end()
            if self._admits(event):
                admitted.append(event)
        if rest := raw[at:]:
            self._held, self._size, self._tail = [rest], len(rest), rest[-3:]
        return b"".join(admitted)

    def _admits(self, event: bytes) -> bool:
        return not self._interesting.search(event) or self._watch(event)

    def _take(self) -> bytes:
        raw = b"".join(self._held)
        self._held, self._size, self._tail = [], 0, b""
        return raw


def event_data(event: bytes) -> bytes:
    """Return the event's data: the `data:` lines without their names, joined by line feeds."""
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)
