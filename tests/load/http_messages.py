"""Where HTTP/1.1 messages end: just enough of the protocol for the load generator and for the upstream it calls."""

import re
from collections.abc import Mapping

_FRAMING = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)|\r\n(transfer-encoding:[ \t]*chunked)", re.IGNORECASE)
_BODYLESS = (204, 304)


class MalformedMessage(Exception):
    """The bytes are not HTTP/1.1, or do not say where the message ends."""


def post(host: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a complete request that carries JSON."""
    lines = [f"POST {path} HTTP/1.1", f"host: {host}", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class MessageParser:
    """Takes bytes as they arrive; `complete` says that a message has ended, `next_message` goes on to the one after it."""

    __slots__ = ("_left", "_pending", "_step", "body", "complete", "head")

    def __init__(self) -> None:
        self._pending = b""
        self._start()

    def _start(self) -> None:
        self.head = b""
        self.body = bytearray()
        self.complete = False
        self._left = 0
        self._step = self._read_head

    def feed(self, data: bytes) -> None:
        """Raises MalformedMessage."""
        self._pending = self._pending + data if self._pending else data
        while not self.complete and self._step():
            pass

    def next_message(self) -> None:
        self._start()
        self.feed(b"")

    @property
    def status(self) -> int:
        """The status of a response whose head has been read."""
        return int(self.head[9:12])

    def _read_head(self) -> bool:
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.head, self._pending = self._pending[: end + 2], self._pending[end + 4 :]
        framing = _FRAMING.search(self.head)
        if framing is None:
            self._expect_no_body()
        elif framing[2]:
            self._step = self._read_chunk_size
        else:
            self._left = int(framing[1])
            self._step = self._read_sized
            self.complete = self._left == 0
        return True

    def _expect_no_body(self) -> None:
        if self.head.startswith(b"HTTP/") and self.status not in _BODYLESS:
            raise MalformedMessage("the response has neither a length nor chunks")
        self.complete = True

    def _take(self) -> None:
        self.body += self._pending[: self._left]
        taken = min(self._left, len(self._pending))
        self._left -= taken
        self._pending = self._pending[taken:]

    def _read_sized(self) -> bool:
        self._take()
        self.complete = self._left == 0
        return False

    def _line(self) -> bytes | None:
        line, separator, rest = self._pending.partition(b"\r\n")
        if not separator:
            return None
        self._pending = rest
        return line

    def _read_chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise MalformedMessage("a chunk begins with something that is not a size") from error
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        self._take()
        if self._left:
            return False
        self._step = self._read_chunk_end
        return True

    def _read_chunk_end(self) -> bool:
        if len(self._pending) < 2:
            return False
        if not self._pending.startswith(b"\r\n"):
            raise MalformedMessage("a chunk is longer than it said")
        self._pending = self._pending[2:]
        self._step = self._read_chunk_size
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        self.complete = line == b""
        return line is not None
