"""One shared counter: the document whose `granted` grows by what instances borrow, and never past a ceiling."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from shared.documents import DocumentExists, DocumentMissing
from shared.leases.lease import CONTAINER, Lease, Ports
from shared.leases.model import Allowance

_FIELD = "granted"


class Counter:
    """The document is created when it is first counted in, with the value that a counter has before its first use."""

    def __init__(self, ports: Ports, name: str, id: str, ttl_s: int, initial: Callable[[], int] = lambda: 0) -> None:
        self._documents = ports.documents
        self._name, self._id = name, id
        self._ttl_s = ttl_s
        self._initial = initial

    async def read(self) -> int:
        document = await self._documents.get(CONTAINER, self._name, self._id)
        value = document.body[_FIELD] if document else self._initial()
        assert isinstance(value, int)
        return value

    async def add(self, by: int, ceiling: int | None = None) -> int:
        """Return the new value. Raises PreconditionFailed at the ceiling, and StoreUnavailable."""
        try:
            return await self._increment(by, ceiling)
        except DocumentMissing:
            body = {"schema": 1, "id": self._id, _FIELD: self._initial()}
            with suppress(DocumentExists):
                await self._documents.create(CONTAINER, self._name, body, self._ttl_s)
            return await self._increment(by, ceiling)

    async def _increment(self, by: int, ceiling: int | None) -> int:
        return await self._documents.increment(CONTAINER, self._name, self._id, _FIELD, by, ceiling)


class CountedLease(Lease):
    """A lease on a counter. `_granted` is its value as last seen, in parts of which `_unit` make one unit."""

    def __init__(self, allowance: Allowance, id: str, end: datetime, counter: Counter, ports: Ports) -> None:
        super().__init__(allowance, id, end, ports)
        self._counter = counter
        self._granted = 0
        self._unit = 1

    async def look(self) -> None:
        self._granted = await self._counter.read()
        self._learned()

    async def _count_what_is_owed(self) -> None:
        """Tell the counter what was used without having been borrowed. Raises StoreUnavailable; then it is still owed."""
        owed = max(0, -self.free)
        if not owed:
            return
        self.free = 0
        try:
            self._granted = await self._counter.add(owed * self._unit)
        except BaseException:
            self.free -= owed
            raise
