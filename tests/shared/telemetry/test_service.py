import asyncio
import logging
import threading
from collections.abc import Callable, Sequence

import pytest

from shared.telemetry.instruments import LEASES
from shared.telemetry.model import Point
from shared.telemetry.ports import Recorder
from shared.telemetry.service import Telemetry
from tests.shared.telemetry.recording import MemoryRecorder, ended

WAIT_S = 10.0


def telemetry_on(recorder: Recorder, *, room: int = 1000, patience_s: float = WAIT_S) -> Telemetry:
    return Telemetry(lambda on_lost: recorder, room=room, first_s=0.001, every_s=0.001, patience_s=patience_s)


def patient(recorder: Recorder, room: int = 1000) -> Telemetry:
    """One whose thread does nothing before it is closed."""
    return Telemetry(lambda on_lost: recorder, room=room, first_s=WAIT_S, patience_s=WAIT_S)


class Stubborn(MemoryRecorder):
    """Raises what a library may raise, until it is told not to."""

    def __init__(self, error: type[Exception]) -> None:
        super().__init__()
        self.error: type[Exception] | None = error

    def record(self, points: Sequence[Point]) -> None:
        if self.error is not None:
            raise self.error("with the prompt of somebody")
        super().record(points)


class Hanging(MemoryRecorder):
    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.may_go_on = threading.Event(), threading.Event()

    def record(self, points: Sequence[Point]) -> None:
        self.hangs.set()
        self.may_go_on.wait(WAIT_S)
        super().record(points)


class Counting(Hanging):
    """Counts the texts that it makes, once it does not hang any more."""

    texts = 0

    def exposition(self) -> tuple[bytes, str] | None:
        self.texts += 1
        return super().exposition()


class OfALibrary(Exception):
    """Derived from nothing that anybody could name."""


def test_what_was_told_is_recorded_at_the_latest_at_the_end() -> None:
    recorder = MemoryRecorder()
    telemetry = patient(recorder)

    telemetry.call_ended(ended())
    telemetry.count(LEASES, 3, result="granted")
    telemetry.close()

    assert len(recorder.of("tollgate.requests")) == 1
    assert recorder.of("tollgate.leases") == [(3, {"result": "granted"})]
    assert len(recorder.spans) == 4
    assert recorder.is_closed


def test_without_a_destination_nothing_is_taken_and_no_thread_begins() -> None:
    telemetry, threads = Telemetry(), threading.active_count()

    telemetry.call_ended(ended())
    telemetry.count(LEASES, result="granted")

    assert threading.active_count() == threads
    assert not telemetry.is_on
    telemetry.close()


def test_the_recorder_is_made_in_the_thread_and_not_by_who_tells() -> None:
    made_by: list[str] = []

    def make(on_lost: Callable[[int], None]) -> Recorder:
        made_by.append(threading.current_thread().name)
        return MemoryRecorder()

    telemetry = Telemetry(make, first_s=WAIT_S)
    assert made_by == []
    telemetry.count(LEASES, result="granted")
    telemetry.close()

    assert made_by == ["telemetry"]


def test_where_there_is_no_room_the_oldest_goes_and_is_counted() -> None:
    recorder = MemoryRecorder()
    telemetry = patient(recorder, room=10)

    for number in range(25):
        telemetry.count(LEASES, number, result=str(number))
    telemetry.close()

    assert [value for value, _ in recorder.of("tollgate.leases")] == list(range(15, 25))
    assert recorder.of("tollgate.telemetry.dropped") == [(15, {})]


@pytest.mark.parametrize("error", [OSError, ValueError, OfALibrary])
def test_a_recorder_that_raises_disturbs_nobody_and_what_it_refused_is_counted(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Stubborn(error)
    telemetry = telemetry_on(recorder)

    with caplog.at_level(logging.ERROR, "tollgate.telemetry"):
        for _ in range(3):
            telemetry.count(LEASES, result="granted")
            asyncio.run(telemetry.exposition())
        recorder.error = None
        telemetry.count(LEASES, result="refused")
        telemetry.close()

    assert recorder.of("tollgate.leases") == [(1, {"result": "refused"})]
    assert sum(value for value, _ in recorder.of("tollgate.telemetry.dropped")) >= 3
    assert [record.getMessage() for record in caplog.records] == [f"Telemetry failed at figures: {error.__name__}"]


async def test_a_recorder_that_hangs_holds_up_nobody() -> None:
    recorder = Hanging()
    telemetry = telemetry_on(recorder, room=10, patience_s=0.05)
    telemetry.count(LEASES, result="first")
    await asyncio.to_thread(recorder.hangs.wait, WAIT_S)

    for _ in range(100):
        telemetry.count(LEASES, result="later")
    with pytest.raises(TimeoutError):
        await telemetry.exposition()
    telemetry.close()

    assert recorder.points == [], "it still hangs, and its thread ends with the process"
    recorder.may_go_on.set()


def test_a_recorder_that_cannot_be_made_turns_telemetry_off(caplog: pytest.LogCaptureFixture) -> None:
    def fails(on_lost: Callable[[int], None]) -> Recorder:
        raise ValueError("no such destination")

    telemetry = Telemetry(fails, first_s=0.001, every_s=0.001, patience_s=WAIT_S)
    with caplog.at_level(logging.ERROR, "tollgate.telemetry"):
        telemetry.count(LEASES, result="granted")
        assert asyncio.run(telemetry.exposition()) is None
        telemetry.close()

    assert not telemetry.is_on
    assert caplog.records[-1].getMessage() == "Telemetry is off: it cannot be sent as configured"


def test_what_a_destination_lost_later_is_counted_too() -> None:
    recorder, telling = MemoryRecorder(), list[Callable[[int], None]]()

    def make(on_lost: Callable[[int], None]) -> Recorder:
        telling.append(on_lost)
        return recorder

    telemetry = Telemetry(make, first_s=0.001, every_s=0.001, patience_s=WAIT_S)
    assert asyncio.run(telemetry.exposition()) is not None
    telling[0](7)
    telemetry.close()

    assert sum(value for value, _ in recorder.of("tollgate.telemetry.dropped")) == 7


async def test_the_text_holds_what_was_told_before_it_was_asked_for() -> None:
    recorder = MemoryRecorder()
    telemetry = Telemetry(lambda on_lost: recorder, first_s=WAIT_S, patience_s=WAIT_S)
    telemetry.count(LEASES, result="granted")

    assert await telemetry.exposition() == (b"1 points", "text/plain")
    telemetry.close()


async def test_nobody_who_gave_up_asking_stops_the_thread() -> None:
    recorder = Hanging()
    telemetry = telemetry_on(recorder, patience_s=0.05)
    telemetry.count(LEASES, result="granted")
    with pytest.raises(TimeoutError):
        await telemetry.exposition()

    recorder.may_go_on.set()
    async with asyncio.timeout(WAIT_S):
        while (text := await asked(telemetry)) is None:
            continue

    assert text[0] == b"1 points"
    telemetry.close()


async def test_no_text_is_made_for_those_who_gave_up() -> None:
    recorder = Counting()
    telemetry = telemetry_on(recorder, patience_s=0.05)
    telemetry.count(LEASES, result="granted")
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await telemetry.exposition()

    recorder.may_go_on.set()
    telemetry._patience_s = WAIT_S
    assert await telemetry.exposition() is not None
    telemetry.close()

    assert recorder.texts == 1


async def asked(telemetry: Telemetry) -> tuple[bytes, str] | None:
    try:
        return await telemetry.exposition()
    except TimeoutError:
        return None


async def test_gauges_are_read_in_the_loop_and_again_and_again() -> None:
    recorder, reads, twice = MemoryRecorder(), list[str](), asyncio.Event()
    telemetry = Telemetry(lambda on_lost: recorder, first_s=0.001, every_s=0.001, gauges_s=0.002, patience_s=WAIT_S)

    def observe() -> None:
        reads.append(threading.current_thread().name)
        if len(reads) == 2:
            twice.set()

    telemetry.watch(observe)
    telemetry.count(LEASES, result="granted")
    async with asyncio.timeout(WAIT_S):
        await twice.wait()
    await asyncio.to_thread(telemetry.close)

    assert set(reads) == {threading.current_thread().name}


def test_a_loop_that_has_ended_is_no_trouble() -> None:
    recorder = MemoryRecorder()
    telemetry = telemetry_on(recorder)

    async def begin() -> None:
        telemetry.watch(lambda: None)

    asyncio.run(begin())
    telemetry.count(LEASES, result="granted")
    telemetry.close()

    assert len(recorder.of("tollgate.leases")) == 1


def test_nothing_is_taken_after_the_end() -> None:
    recorder = MemoryRecorder()
    telemetry = patient(recorder)
    telemetry.count(LEASES, result="granted")
    telemetry.close()
    telemetry.count(LEASES, result="granted")
    telemetry.close()

    assert len(recorder.points) == 1
