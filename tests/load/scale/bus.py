"""The queue as the simulation sees it: messages by the time they came, and how many instances the platform gives it."""

from collections import deque
from itertools import islice

SCALE_EVERY_S = 10.0
"""How often the number of instances is decided on. Assumed: the platform does not say."""

type Message = tuple[float, int]
"""When it came, and the partition that it will be posted to."""


class Queue:
    """Messages in the order in which they came. `credits` is how many a second the namespace takes and gives together."""

    def __init__(self, credits: float | None) -> None:
        self._waiting: deque[Message] = deque()
        self._credits = credits
        self._paid_until = 0.0

    def put(self, message: Message) -> None:
        self._waiting.append(message)

    def __len__(self) -> int:
        return len(self._waiting)

    def oldest_s(self, now: float) -> float:
        """How long the first message has waited."""
        return now - self._waiting[0][0] if self._waiting else 0.0

    def take(self, most: int, now: float, instance: int = 0) -> list[Message]:
        """Return a delivery, as far as the credits go."""
        return [self._waiting.popleft() for _ in range(self._afforded(min(most, len(self._waiting)), now))]

    def release(self, delivery: list[Message]) -> None:
        """The delivery is completed."""

    def _afforded(self, count: int, now: float) -> int:
        """Each message was sent too: of a second's credits half are left for receiving."""
        if self._credits is None:
            return count
        per_message_s = 2 / self._credits
        self._paid_until = max(self._paid_until, now - 1.0)
        count = min(count, int((now - self._paid_until) / per_message_s))
        self._paid_until += count * per_message_s
        return count


class Sessions(Queue):
    """A session for each partition: while an instance has it, nobody else gets any of it, and it comes back to the same if it can."""

    _LOOKED_AT, _PATIENCE_S = 40, 0.5

    def __init__(self, credits: float | None) -> None:
        super().__init__(credits)
        self._of: dict[int, deque[Message]] = {}
        self._ready: deque[int] = deque()
        self._busy: set[int] = set()
        self._last: dict[int, int] = {}
        self._count = 0

    def put(self, message: Message) -> None:
        partition = message[1]
        waiting = self._of.setdefault(partition, deque())
        waiting.append(message)
        self._count += 1
        if partition not in self._busy:
            self._busy.add(partition)
            self._ready.append(partition)

    def __len__(self) -> int:
        return self._count

    def oldest_s(self, now: float) -> float:
        return now - min((waiting[0][0] for waiting in self._of.values() if waiting), default=now)

    def take(self, most: int, now: float, instance: int = 0) -> list[Message]:
        partition = self._next(instance, now)
        if partition is None:
            return []
        waiting = self._of[partition]
        delivery = [waiting.popleft() for _ in range(self._afforded(min(most, len(waiting)), now))]
        self._count -= len(delivery)
        if delivery:
            self._last[partition] = instance
        else:
            self._ready.appendleft(partition)
        return delivery

    def release(self, delivery: list[Message]) -> None:
        partition = delivery[0][1]
        if self._of[partition]:
            self._ready.append(partition)
        else:
            self._busy.discard(partition)

    def _next(self, instance: int, now: float) -> int | None:
        """The instance's own, unless somebody else's has waited for too long."""
        if self._ready and now - self._of[self._ready[0]][0][0] > self._PATIENCE_S:
            return self._ready.popleft()
        for partition in islice(self._ready, self._LOOKED_AT):
            if self._last.get(partition, instance) == instance:
                self._ready.remove(partition)
                return partition
        return self._ready.popleft() if self._ready else None


def wanted(waiting: int, batch: int, most: int) -> int:
    """How many instances the platform aims at: one for each delivery that waits (target-based scaling)."""
    return max(1, min(most, -(-waiting // batch)))
