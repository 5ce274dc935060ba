from shared.ledger.rejected import MOST_BYTES, RejectedStore
from tests.fakes import FakeClock, MemoryDocuments


async def test_a_message_is_kept_as_it_came_and_once() -> None:
    clock = FakeClock()
    store = RejectedStore(MemoryDocuments(clock), clock)
    body = b"\xff\x00 no JSON"
    await store.keep(body, "not JSON")
    clock.advance(60)
    await store.keep(body, "not JSON")
    await store.keep(b"other", "not JSON")

    found, cursor = await store.page()
    assert [(each.body, each.reason, each.is_whole) for each in found] == [
        (body, "not JSON", True),
        (b"other", "not JSON", True),
    ]
    assert cursor is None
    assert await store.get(found[0].id) == found[0]


async def test_they_come_a_page_at_a_time_and_can_be_removed() -> None:
    clock = FakeClock()
    store = RejectedStore(MemoryDocuments(clock), clock)
    for n in range(3):
        await store.keep(str(n).encode(), "no")
        clock.advance(1)

    first, cursor = await store.page(2)
    rest, end = await store.page(2, cursor)
    assert [each.body for each in (*first, *rest)] == [b"0", b"1", b"2"]
    assert end is None
    assert [await store.remove(first[0].id), await store.remove(first[0].id)] == [True, False]
    assert await store.get(first[0].id) is None


async def test_a_huge_message_is_cut_and_says_so() -> None:
    store = RejectedStore(MemoryDocuments(), FakeClock())
    await store.keep(b"x" * (MOST_BYTES + 1), "too large")

    ((found,), _) = await store.page()
    assert (len(found.body), found.size, found.is_whole) == (MOST_BYTES, MOST_BYTES + 1, False)
