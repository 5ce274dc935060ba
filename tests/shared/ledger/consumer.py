"""`python -m tests.shared.ledger.consumer FOLDER SEED…`: consumers of real messages in real files, killed at every step.

This process only forks, so that a consumer starts in milliseconds. It prints a line for each case: `ok` or `wrong`, and the case.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

import orjson

from shared.adapters.local_queue import LocalQueue
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import DocumentStore, Json
from shared.jobs.usage_ingest import ingest
from shared.queues import USAGE_EVENTS
from tests.fakes import FakeClock
from tests.shared.ledger.synthetic import MORNING, event, intake, last_use
from tests.shared.ledger.truth import check

BATCH = 5
CLOCK = FakeClock(MORNING + timedelta(hours=1))


class Fatal:
    """Kills the process at the n-th call that it passes on: before it is carried out, or after, before anybody hears of it."""

    def __init__(self, at: int, *, carries_out: bool) -> None:
        self._at, self._carries_out, self._calls = at, carries_out, 0

    def around(self, port: object) -> Any:
        return _Around(port, self)

    def step(self) -> bool:
        """Count a call, and say whether it is the last one to be carried out."""
        self._calls += 1
        if self._calls == self._at and not self._carries_out:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._calls == self._at


class _Around:
    def __init__(self, port: object, fatal: Fatal) -> None:
        self._port, self._fatal = port, fatal

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._port, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            is_last = self._fatal.step()
            try:
                return await method(*arguments, **options)
            finally:
                if is_last:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call


def events(seed: int) -> list[Json]:
    """Two teams and two months; some with tags, one without a price."""
    return [
        event(
            f"req_{seed}_{n}",
            MORNING - timedelta(days=10 * (n % 4), minutes=n),
            "shop" if n % 5 == 0 else "search",
            tags={"pr": f"a#{n % 2}"} if n % 3 == 0 else {},
            catalog_model="secret" if n == 4 else "gpt-4o",
        )
        for n in range(9)
    ]


def messages(seed: int) -> list[tuple[str, bytes]]:
    """Every event once, some twice or three times as messages of their own, in any order."""
    random, made = Random(seed), events(seed)
    twice = [*made, *random.sample(made, 4), *random.sample(made, 2)]
    random.shuffle(twice)
    return [(f"m{n}", orjson.dumps(each)) for n, each in enumerate(twice)]


async def publish(folder: Path, sent: list[tuple[str, bytes]]) -> None:
    async with AsyncExitStack() as stack:
        queue = LocalQueue(folder / "queues.db", CLOCK)
        stack.push_async_callback(queue.close)
        for id, body in sent:
            queue.publish(USAGE_EVENTS, id, body)
        await queue.flush()


async def consume(folder: Path, fatal: Fatal) -> None:
    """Take what is there. A lock ends at once, so what was taken and not completed is there for the next one."""
    async with AsyncExitStack() as stack:
        documents, queue = SqliteDocuments(folder / "documents.db", CLOCK), LocalQueue(folder / "queues.db", CLOCK)
        stack.push_async_callback(documents.close)
        stack.push_async_callback(queue.close)
        store, source = cast("DocumentStore", fatal.around(documents)), fatal.around(queue)
        into, uses = intake(store, CLOCK), last_use(store, CLOCK)
        while received := await source.receive(USAGE_EVENTS, BATCH, 0.0):
            await ingest([message.body for message in received], into, uses)
            await source.complete(USAGE_EVENTS, [message.lock_token for message in received])


async def judge(folder: Path, seed: int) -> None:
    documents = SqliteDocuments(folder / "documents.db", CLOCK)
    await check(documents, events(seed))
    await documents.close()


def fork(work: Coroutine[Any, Any, None], after_s: float | None = None) -> int:
    """Do the work in a process of its own, killed after some time where that is given, and return how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.run(work)
            code = 0
        finally:
            os._exit(code)
    work.close()
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


NEVER = Fatal(0, carries_out=True)


def case(folder: Path, seed: int, fatal: Fatal, after_s: float | None = None) -> tuple[bool, bool]:
    """Return whether a consumer was killed, and whether the ledger is right after others have done the rest."""
    folder.mkdir()
    sent = messages(seed)
    late = seed % 3
    fork(publish(folder, sent[late:]))
    was_killed = fork(consume(folder, fatal), after_s) == -signal.SIGKILL
    fork(publish(folder, sent[:late]))
    ended = [fork(consume(folder, NEVER)), fork(judge(folder, seed))]
    return was_killed, ended == [0, 0]


def main(folder: Path, seeds: list[int], moments: int) -> None:
    for seed in seeds:
        for carries_out in (False, True):
            at, was_killed = 0, True
            while was_killed:
                at += 1
                where = folder / f"{seed}-{at}-{carries_out}"
                was_killed, is_right = case(where, seed, Fatal(at, carries_out=carries_out))
                print(
                    "ok" if is_right else "wrong", seed, f"call {at}", "done" if carries_out else "not done", flush=True
                )
        for moment in range(moments):
            after_s = (moment + 1) / 1000
            _, is_right = case(folder / f"{seed}-{moment}", seed, NEVER, after_s)
            print("ok" if is_right else "wrong", seed, f"after {moment + 1} ms", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[3:]], int(sys.argv[2]))
