"""Document stores that fail while they are being used, and what others do to the same documents meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from shared.documents import DocumentStore, StoreUnavailable
from tests.fakes import FakeClock


class Watched:
    """Passes calls on to a store, and tells of each one before and after."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            await self.before(name)
            answer = await method(*arguments, **options)
            await self.after(name)
            return answer

        return call

    async def before(self, name: str) -> None:
        pass

    async def after(self, name: str) -> None:
        pass


class Dying(Watched):
    """Stops for good at its n-th call: before it is carried out, or after, so that only the answer is lost."""

    def __init__(self, store: DocumentStore, at: int, *, carries_out: bool) -> None:
        super().__init__(store)
        self._at, self._carries_out = at, carries_out

    async def before(self, name: str) -> None:
        if len(self.calls) > self._at or (len(self.calls) == self._at and not self._carries_out):
            raise StoreUnavailable("killed")

    async def after(self, name: str) -> None:
        if len(self.calls) == self._at:
            raise StoreUnavailable("the answer was lost")


class Meddled(Watched):
    """Lets somebody else act before the n-th call."""

    def __init__(self, store: DocumentStore, at: int, act: Callable[[], Awaitable[object]]) -> None:
        super().__init__(store)
        self._at, self._act = at, act

    async def before(self, name: str) -> None:
        if len(self.calls) == self._at:
            await self._act()


class Slow(Watched):
    """Takes a second for every call."""

    def __init__(self, store: DocumentStore, clock: FakeClock) -> None:
        super().__init__(store)
        self._clock = clock

    async def after(self, name: str) -> None:
        self._clock.advance(1)


def port(store: Watched) -> DocumentStore:
    return cast("DocumentStore", store)
