"""Prompt caching as Azure does it: prefixes of 1,024 tokens and then steps of 128, per deployment."""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence

_FIRST = 1_024
_STEP = 128


class PromptCache:
    """Remembers which prefixes were read, the most recent ones only."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._capacity = capacity

    def read(self, deployment: str, ids: Sequence[int]) -> tuple[int, int]:
        """Return how many leading tokens were cached already, and how many are cached now."""
        if len(ids) < _FIRST:
            return 0, 0
        digest = hashlib.blake2b(deployment.encode(), digest_size=16)
        cached, start, end = 0, 0, _FIRST
        while end <= len(ids):
            digest.update(array("q", ids[start:end]).tobytes())
            prefix = digest.copy().digest()
            if prefix in self._seen:
                cached = end
            self._seen[prefix] = None
            self._seen.move_to_end(prefix)
            start, end = end, end + _STEP
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return cached, start
