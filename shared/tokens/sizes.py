"""Remembers how long responses and conversations are: who continues one has the model read all of it again."""

from shared.recent import Recent

KEPT = 50_000


class ResponseSizes:
    """The latest that this process has seen, by the id of the response or conversation."""

    def __init__(self, kept: int = KEPT) -> None:
        self._tokens: Recent[str, int] = Recent(kept)

    def note(self, identity: str | None, tokens: int) -> None:
        """Remember what a response read and wrote; without an id there is nothing to continue."""
        if identity is not None:
            self._tokens.remember(identity, tokens)

    def of(self, identity: str) -> int | None:
        return self._tokens.get(identity)
