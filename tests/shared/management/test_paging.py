import asyncio
import base64
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.management.paging import ROUNDS, Cursors, page_of
from shared.management.problems import Invalid


async def fetch_from(items: Sequence[int], limit: int, cursor: str | None) -> tuple[Sequence[int], str | None]:
    start = int(cursor or 0)
    end = start + limit
    return items[start:end], str(end) if end < len(items) else None


@given(st.lists(st.integers(), max_size=6), st.lists(st.integers(), max_size=60), st.integers(1, 7), st.integers(1, 4))
def test_all_pages_together_are_the_list(first: list[int], stored: list[int], limit: int, every: int) -> None:
    """Also where most of what is stored is not shown."""

    async def show(item: int) -> int | None:
        return item if item % every == 0 else None

    async def story() -> list[int]:
        cursors, found, cursor, turns = Cursors(b"pepper", "list"), [], None, 0
        while True:
            answer = await page_of(cursors, cursor, limit, first, lambda n, c: fetch_from(stored, n, c), show)
            assert answer.body is not None
            page, cursor = answer.body["data"], answer.body["next"]
            assert len(page) <= limit
            found += page
            turns += 1
            if cursor is None:
                return found
            assert turns <= len(first) + len(stored) + ROUNDS

    shown_first = [item if item % every == 0 else None for item in first]
    assert asyncio.run(story()) == [item for item in [*shown_first, *stored] if item is not None and item % every == 0]


@pytest.mark.parametrize("cursor", ["", "abc", "====", "ü", "A" * 40])
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        Cursors(b"pepper", "list").read(cursor)


@given(st.text(max_size=20).filter(lambda place: place.isascii()))
def test_a_cursor_is_read_by_the_list_that_wrote_it(place: str) -> None:
    cursor = Cursors(b"pepper", "list").write(place)

    assert Cursors(b"pepper", "list").read(cursor) == place
    for pepper, what in ((b"pepper", "other"), (b"other", "list")):
        with pytest.raises(Invalid):
            Cursors(pepper, what).read(cursor)


def test_a_cursor_does_not_show_what_it_holds() -> None:
    cursor = Cursors(b"pepper", "list").write("s2026-03\nteam-of-others")

    assert b"team-of-others" not in base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
