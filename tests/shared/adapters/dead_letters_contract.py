"""What every DeadLetters promises. A test class of an adapter inherits this and offers the fixture `letters`."""

from typing import Protocol

import pytest

from shared.queues import USAGE_EVENTS, DeadLetter, DeadLetterMissing, DeadLetters

Q = USAGE_EVENTS


class Letters(Protocol):
    """Dead letters, and both ends of the queue that they come from."""

    port: DeadLetters

    async def set_aside(self, *ids: str, reason: str = "cannot be read") -> None:
        """Make dead letters of new messages with these ids, whose bodies repeat them."""

    async def waiting(self) -> dict[str, bytes]:
        """Bodies by message id of what stands in the queue itself."""


async def everything(letters: Letters, limit: int = 10) -> list[DeadLetter]:
    found, cursor = list[DeadLetter](), None
    while True:
        page, cursor = await letters.port.page(Q, limit, cursor)
        found += page
        if cursor is None:
            return found


class DeadLettersContract:
    async def test_where_nothing_was_set_aside_there_is_nothing(self, letters: Letters) -> None:
        assert await letters.port.page(Q, 10) == ([], None)
        assert await letters.port.get(Q, "1") is None

    async def test_it_tells_what_was_set_aside_and_why(self, letters: Letters) -> None:
        await letters.set_aside("req_1", reason="lacks a team")
        ((letter,), _) = await letters.port.page(Q, 10)

        assert (letter.message_id, letter.body, letter.at.tzinfo is not None) == ("req_1", b"req_1", True)
        assert "lacks a team" in (letter.reason or "")
        assert await letters.port.get(Q, letter.id) == letter

    async def test_pages_hold_everything_once_in_order(self, letters: Letters) -> None:
        ids = [f"req_{n}" for n in range(7)]
        await letters.set_aside(*ids)

        assert [letter.message_id for letter in await everything(letters, limit=3)] == ids
        assert [letter.message_id for letter in await everything(letters, limit=7)] == ids

    async def test_looking_takes_nothing_away(self, letters: Letters) -> None:
        await letters.set_aside("req_1")

        assert await everything(letters) == await everything(letters)

    async def test_a_corrected_letter_goes_back_under_a_new_message_id(self, letters: Letters) -> None:
        await letters.set_aside("req_1", "req_2", "req_3")
        middle = (await everything(letters))[1]

        await letters.port.replay(Q, middle.id, b"mended")

        (back,) = [(id, body) for id, body in (await letters.waiting()).items() if body == b"mended"]
        assert back[0] not in ("req_1", "req_2", "req_3")
        assert [letter.message_id for letter in await everything(letters)] == ["req_1", "req_3"]

    async def test_without_a_correction_it_goes_back_as_it_was(self, letters: Letters) -> None:
        await letters.set_aside("req_1")
        (letter,) = await everything(letters)
        before = await letters.waiting()

        await letters.port.replay(Q, letter.id)

        new = {id: body for id, body in (await letters.waiting()).items() if id not in before}
        assert list(new.values()) == [b"req_1"]
        assert await everything(letters) == []

    async def test_the_same_one_can_be_set_aside_and_replayed_again(self, letters: Letters) -> None:
        for _ in range(2):
            await letters.set_aside("req_1")
        first, second = await everything(letters)
        before = await letters.waiting()

        await letters.port.replay(Q, first.id)
        await letters.port.replay(Q, second.id)

        assert len(await letters.waiting()) == len(before) + 2

    async def test_a_discarded_letter_is_gone_and_the_others_are_not(self, letters: Letters) -> None:
        await letters.set_aside("req_1", "req_2", "req_3")
        last = (await everything(letters))[-1]
        before = await letters.waiting()

        await letters.port.discard(Q, last.id)

        assert [letter.message_id for letter in await everything(letters)] == ["req_1", "req_2"]
        assert await letters.waiting() == before

    @pytest.mark.parametrize("id", ["999", "0", "-1", "none", "9" * 40, "\ud800"])
    async def test_what_is_not_there_is_neither_replayed_nor_discarded(self, letters: Letters, id: str) -> None:
        await letters.set_aside("req_1")

        assert await letters.port.get(Q, id) is None
        with pytest.raises(DeadLetterMissing):
            await letters.port.replay(Q, id, b"{}")
        with pytest.raises(DeadLetterMissing):
            await letters.port.discard(Q, id)
        assert len(await everything(letters)) == 1
