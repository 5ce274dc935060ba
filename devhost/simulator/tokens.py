"""Exact token counts: tiktoken with the vocabularies in vendor/, loaded when the first text is counted."""

import asyncio
import codecs
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import tiktoken

VOCABULARIES = Path(__file__).parents[2] / "vendor" / "tiktoken"

# A longer run of one character makes tiktoken panic past `except Exception`.
_CHUNK_CHARACTERS = 50_000
# Below this a thread costs more than the counting.
_INLINE_CHARACTERS = 20_000

Segment = str | int
FILLER = -1


class Tokenizer:
    """Turns text into token ids and back into one piece of text per token."""

    def __init__(self) -> None:
        self._encodings: dict[str, tiktoken.Encoding] = {}
        self._loading = Lock()

    def load(self, name: str = "o200k_base") -> tiktoken.Encoding:
        """Return the encoding; the first time takes about a second."""
        with self._loading:
            if name not in self._encodings:
                os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(VOCABULARIES))
                self._encodings[name] = tiktoken.get_encoding(name)
            return self._encodings[name]

    async def ids(self, segments: Sequence[Segment], encoding: str = "o200k_base") -> list[int]:
        """Return the ids of all segments; a number stands for that many tokens that are not text."""
        size = sum(len(segment) for segment in segments if isinstance(segment, str))
        if encoding in self._encodings and size <= _INLINE_CHARACTERS:
            return self._encode(segments, encoding)
        return await asyncio.to_thread(self._encode, segments, encoding)

    async def count(self, text: str, encoding: str = "o200k_base") -> int:
        return len(await self.ids((text,), encoding))

    def pieces(self, ids: Sequence[int], encoding: str = "o200k_base") -> list[str]:
        """Return the text that each token adds; a token inside a character adds none."""
        vocabulary = self.load(encoding)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return [decoder.decode(vocabulary.decode_single_token_bytes(token)) for token in ids]

    def _encode(self, segments: Sequence[Segment], name: str) -> list[int]:
        encoding = self.load(name)
        ids: list[int] = []
        for segment in segments:
            if isinstance(segment, int):
                ids.extend([FILLER] * segment)
                continue
            for start in range(0, len(segment), _CHUNK_CHARACTERS):
                ids.extend(encoding.encode_ordinary(segment[start : start + _CHUNK_CHARACTERS]))
        return ids
