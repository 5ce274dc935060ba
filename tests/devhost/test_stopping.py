import asyncio

from devhost.stopping import StopSignal


async def test_a_pause_ends_with_the_signal() -> None:
    stop = StopSignal()
    pausing = asyncio.create_task(stop.pause(3600))
    stop.stop()

    await pausing

    assert stop.is_set


async def test_a_pause_ends_by_itself() -> None:
    stop = StopSignal()

    await stop.pause(0.001)

    assert not stop.is_set
