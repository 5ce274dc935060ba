"""What is spoilt in a volume that is full is found and put right there, and nothing is entered in two of them."""

from collections.abc import Awaitable, Callable

import pytest

from shared.documents import Document, DocumentStore, StoreUnavailable
from shared.ledger.model import CONTAINER
from shared.reconciliation.closing import GRACE
from shared.reconciliation.model import Problem, State
from tests.fakes import FakeClock
from tests.shared.reconciliation.books import MONTH, NOON, PARTITION, TEAM, Books, adjustment, event_of
from tests.shared.reconciliation.test_closing import CLOSED_ON, Desk
from tests.shared.watched_documents import Watched, port

NEXT = f"{TEAM}~2"


@pytest.fixture
async def books() -> Books:
    """Three calls in a volume that is full, and one in the next."""
    books = Books()
    await books.use(1, 2, 3, ledger=books.posting(most_bytes=1))
    await books.use(50)
    assert await books.store.partitions(MONTH) == [TEAM, NEXT]
    return books


async def places(books: Books, id: str) -> list[str]:
    """Return the volumes that a document stands in."""
    volumes = await books.store.partitions(MONTH)
    return [volume for volume in volumes if await books.documents.get(CONTAINER, f"{volume}|{MONTH}", id)]


async def head_of(books: Books) -> Document:
    head = await books.documents.get(CONTAINER, PARTITION, "head")
    assert head is not None
    return head


class Beaten(Watched):
    """Before its n-th batch somebody else does something."""

    def __init__(self, store: DocumentStore, batch: int, act: Callable[[], Awaitable[object]]) -> None:
        super().__init__(store)
        self._batch, self._act = batch, act

    async def before(self, name: str) -> None:
        if name == "batch" and self.calls.count("batch") == self._batch:
            await self._act()


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_an_entry_that_was_lost_is_put_back_beside_its_event(books: Books, number: int) -> None:
    await books.documents.delete(CONTAINER, PARTITION, f"led_req_00000{number}")

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    assert finding.is_clean
    assert await places(books, f"led_req_00000{number}") == [TEAM]
    assert await places(books, f"req_00000{number}") == [TEAM]
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).differences == ()


async def test_it_is_put_back_there_even_if_another_was_faster(books: Books) -> None:
    await books.documents.delete(CONTAINER, PARTITION, "led_req_000002")

    async def move() -> None:
        head = await head_of(books)
        await books.documents.replace(CONTAINER, PARTITION, {**head.body, "repairs": 1}, head.etag)

    await books.use(2, ledger=books.posting(port(Beaten(books.documents, 1, move))))

    assert await places(books, "led_req_000002") == [TEAM]


async def test_an_event_without_an_entry_stays_in_the_volume_that_fills_meanwhile() -> None:
    books = Books()
    await books.use(1, 2)
    await books.documents.create(CONTAINER, PARTITION, event_of(9, NOON))

    async def fill() -> None:
        await books.use(30, ledger=books.posting(most_bytes=1))

    await books.use(9, ledger=books.posting(port(Beaten(books.documents, 2, fill))))
    await books.reconciliation.reconcile(TEAM, MONTH)

    assert await places(books, "led_req_000009") == [TEAM]
    assert await books.store.partitions(MONTH) == [TEAM]


async def test_an_event_of_another_time_than_all_else_in_a_full_volume_gets_its_entry_there(books: Books) -> None:
    await books.documents.create(CONTAINER, PARTITION, event_of(9, NOON))

    for _ in range(2):
        finding = await books.reconciliation.reconcile(TEAM, MONTH)

    assert finding.is_clean
    assert (await places(books, "req_000009"), await places(books, "led_req_000009")) == ([TEAM], [TEAM])


async def test_where_the_head_of_a_full_volume_is_lost_nothing_is_posted_until_it_is_made_anew(books: Books) -> None:
    await books.documents.delete(CONTAINER, PARTITION, "head")

    with pytest.raises(StoreUnavailable):
        await books.posting().post([adjustment(1, NOON, -3)])
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).is_clean
    assert await books.use(1, 2, 3, 50, ledger=books.posting()) == 0

    assert (await books.store.volume_head(TEAM, MONTH)).is_full
    assert await places(books, "led_req_000050") == [NEXT]


@pytest.mark.parametrize("lost", [("is_full",), ("is_full", "bytes", "first_at", "last_at")])
async def test_a_head_that_does_not_say_that_its_volume_is_full_is_made_anew(
    books: Books, lost: tuple[str, ...]
) -> None:
    head = await head_of(books)
    kept = {name: value for name, value in head.body.items() if name not in lost}
    await books.documents.replace(CONTAINER, PARTITION, kept, head.etag)

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    assert [difference.problem for difference in finding.differences] == [Problem.HEAD_DIFFERS]
    assert finding.is_clean
    assert await books.use(1, 2, 3, 50, ledger=books.posting()) == 0


async def test_a_head_with_wrong_times_is_made_anew(books: Books) -> None:
    head = await head_of(books)
    body = {**head.body, "last_at": head.body["first_at"]}
    await books.documents.replace(CONTAINER, PARTITION, body, head.etag)

    assert (await books.reconciliation.reconcile(TEAM, MONTH)).is_clean

    assert await books.use(1, 2, 3, ledger=books.posting()) == 0


class Heavy(Watched):
    """To read a volume takes four minutes."""

    def __init__(self, store: DocumentStore, clock: FakeClock) -> None:
        super().__init__(store)
        self._clock = clock

    async def query(self, container: str, partition: str, where: object, **options: object) -> object:
        if partition.startswith(TEAM) and any(getattr(each, "value", None) == "cell|" for each in where):  # type: ignore[attr-defined]
            self._clock.advance(120)
        return await self._store.query(container, partition, where, **options)  # type: ignore[arg-type]


async def test_a_month_of_many_volumes_is_closed_in_several_runs() -> None:
    desk = Desk()
    for number in range(8):
        await desk.books.use(number, ledger=desk.books.posting(most_bytes=1))
    desk.books.clock.set(CLOSED_ON)
    await desk.closing.close(MONTH, "ada")
    desk.books.clock.advance(GRACE.total_seconds())
    closing, took = desk.service(port(Heavy(desk.books.documents, desk.books.clock))), []

    while (began := desk.books.clock.monotonic()) and len(took) < 20:
        period = await closing.advance(MONTH, began + 480)
        took.append(desk.books.clock.monotonic() - began)
        if period.state is State.CLOSED:
            break

    assert period.state is State.CLOSED
    assert len(took) > 2
    assert max(took) < 2 * 480
