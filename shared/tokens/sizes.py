"""Remembers how long responses and conversations are: who continues one has the model read all of it again."""

from collections import OrderedDict

KEPT = 50_000


class ResponseSizes:
    """The latest that this process has seen, by the id of the response or conversation."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._tokens: OrderedDict[str, int] = OrderedDict()

    def note(self, identity: str | None, tokens: int) -> None:
        """Remember what a response read and wrote; without an id there is nothing to continue."""
        if identity is None:
            return
        self._tokens[identity] = tokens
        self._tokens.move_to_end(identity)
        if len(self._tokens) > self._kept:
            self._tokens.popitem(last=False)

    def of(self, identity: str) -> int | None:
        return self._tokens.get(identity)
