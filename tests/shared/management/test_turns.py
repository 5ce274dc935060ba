"""Whoever asks large questions all at once is told to wait, and everybody else goes on."""

import pytest

from shared.management.turns import MOST_OF_ALL, TooManyReads, Turns
from tests.shared.management.office import ADMIN_A, DEV_A, Office


def test_one_caller_reads_twice_at_once_and_all_together_four_times() -> None:
    turns = Turns()
    with turns.taken("ada"), turns.taken("ada"):
        with pytest.raises(TooManyReads):
            turns.taken("ada").__enter__()
        with turns.taken("bob"), turns.taken("cy"), pytest.raises(TooManyReads):
            turns.taken("di").__enter__()
    with turns.taken("ada"), turns.taken("ada"), turns.taken("bob"), turns.taken("bob"):
        assert MOST_OF_ALL == 4


@pytest.mark.parametrize("path", ["costs", "costs/summary", "forecast", "entries"])
async def test_who_reads_too_much_at_once_is_told_when_to_try_again(office: Office, path: str) -> None:
    with office.parts.turns.taken("vk_dev-a"), office.parts.turns.taken("vk_dev-a"):
        refused = await office.call("GET", path, by=DEV_A)
        allowed = await office.call("GET", path, by=ADMIN_A)

    assert (refused.status, refused.headers["retry-after"]) == (429, "2")
    assert allowed.status == 200
    assert (await office.call("GET", path, by=DEV_A)).status == 200
