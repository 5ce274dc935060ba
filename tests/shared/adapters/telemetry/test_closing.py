"""Whatever hangs, the end comes."""

import threading

from shared.adapters.telemetry.closing import close_all


def test_what_hangs_does_not_keep_the_others_from_closing() -> None:
    never, closed = threading.Event(), threading.Event()

    close_all([lambda: never.wait(30), closed.set], 0.05)

    assert closed.wait(10)
    assert not never.is_set()
    never.set()


def test_those_who_end_in_time_are_waited_for() -> None:
    closed: list[int] = []

    close_all([lambda number=number: closed.append(number) for number in range(5)], 20)

    assert sorted(closed) == [0, 1, 2, 3, 4]
