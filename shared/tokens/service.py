"""Counts tokens where the provider reported none: off the event loop, bounded in time and memory, never from the network."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from shared.settings import offer_vocabularies
from shared.tokens.encodings import encoding_of

if TYPE_CHECKING:
    import tiktoken

CHUNK = 50_000
"""Characters encoded at once: far larger runs of blanks make the encoder panic."""

EXACT_UP_TO, PIECE = 400_000, 4_000
"""Characters that are counted one by one; a longer text is extrapolated from so many in pieces spread over it."""

_RANDOM = SystemRandom()


class TokenCounter:
    """tiktoken in one worker thread, with vocabularies from `vocabularies`, loaded when first needed."""

    def __init__(self, vocabularies: Path) -> None:
        self._vocabularies = vocabularies
        self._encodings: dict[str, tiktoken.Encoding] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="tokens")

    async def count(self, model: str, text: str) -> int:
        """Return the number of tokens in `text`; exact up to EXACT_UP_TO characters, but for chunk borders."""
        if not text:
            return 0
        return await asyncio.get_running_loop().run_in_executor(self._worker, self.count_now, model, text)

    def count_now(self, model: str, text: str) -> int:
        """The same, in the calling thread."""
        encoding = self._encoding(encoding_of(model))
        pieces, share = sample(text)
        counted = sum(len(encoding.encode_ordinary(piece)) for piece in pieces)
        return round(counted / share)

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _encoding(self, name: str) -> "tiktoken.Encoding":
        encoding = self._encodings.get(name)
        if encoding is None:
            offer_vocabularies(self._vocabularies)
            import tiktoken  # noqa: PLC0415 - 40 ms that a process may never need

            encoding = self._encodings[name] = tiktoken.get_encoding(name)
        return encoding


def sample(text: str, random: Random = _RANDOM) -> tuple[list[str], float]:
    """Return the pieces to count and the share of the text that they are.

    Each piece comes from a place of its own stretch of the text that nobody can foresee: dense text cannot be hidden between them.
    """
    if len(text) <= EXACT_UP_TO:
        return [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)], 1.0
    count = EXACT_UP_TO // PIECE
    starts = [
        random.randint(index * len(text) // count, (index + 1) * len(text) // count - PIECE) for index in range(count)
    ]
    return [text[start : start + PIECE] for start in starts], EXACT_UP_TO / len(text)
