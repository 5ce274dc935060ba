import json

import pytest

from devhost.encodings import Input
from devhost.host_settings import HostSettings
from devhost.queues import QueueListener
from devhost.worker import Function, Outcome
from tests.devhost.fakes import FAILURE, MemoryQueue, RecordedStop, ScriptedRun, function, message

BATCH = function("serviceBusTrigger", cardinality="MANY", queueName="events")
SINGLE = function("serviceBusTrigger", queueName="events")
SETTINGS = HostSettings(batch_size=3, concurrent_calls=2, max_deliveries=4)


def listener(target: Function, queue: MemoryQueue, run: ScriptedRun) -> QueueListener:
    return QueueListener(target, "events", queue, run, SETTINGS)


async def test_a_batch_that_succeeds_is_completed() -> None:
    stop = RecordedStop()
    queue, run = MemoryQueue(stop, [message(1), message(2)]), ScriptedRun()

    await listener(BATCH, queue, run).listen(stop)

    assert queue.completed == ["lock1", "lock2"]
    assert json.loads(run.given[0].metadata["MessageIdArray"].json or "") == ["m1", "m2"]


async def test_messages_of_a_single_function_are_settled_one_by_one() -> None:
    def only_the_second(given: Input) -> Outcome:
        return Outcome() if given.metadata["MessageId"].string == "m2" else FAILURE

    stop = RecordedStop()
    queue = MemoryQueue(stop, [message(1), message(2)])

    await listener(SINGLE, queue, ScriptedRun(only_the_second)).listen(stop)

    assert queue.completed == ["lock2"]
    assert queue.abandoned == [("lock1", 0.25)]


async def test_a_failed_batch_comes_back_a_little_later_each_time() -> None:
    stop = RecordedStop()
    queue = MemoryQueue(stop, [message(1), message(2, deliveries=3)])

    await listener(BATCH, queue, ScriptedRun(outcome=FAILURE)).listen(stop)

    assert queue.abandoned == [("lock1", 1.0), ("lock2", 1.0)]
    assert queue.completed == []


async def test_after_its_last_delivery_a_message_is_set_aside_with_the_kind_of_error() -> None:
    stop = RecordedStop()
    queue = MemoryQueue(stop, [message(1, deliveries=4), message(2)])

    await listener(BATCH, queue, ScriptedRun(outcome=FAILURE)).listen(stop)

    assert queue.dead == [("lock1", "ValueError")]
    assert [token for token, _ in queue.abandoned] == ["lock2"]


async def test_a_full_batch_is_followed_by_the_next_without_a_pause() -> None:
    stop = RecordedStop()
    queue = MemoryQueue(stop, [message(at) for at in range(7)])

    await listener(BATCH, queue, ScriptedRun()).listen(stop)

    assert queue.asked == [3, 3, 3]
    assert len(stop.pauses) == 1


async def test_a_single_function_takes_as_many_as_may_run_at_once() -> None:
    stop = RecordedStop()
    queue = MemoryQueue(stop, [message(at) for at in range(4)])

    await listener(SINGLE, queue, ScriptedRun()).listen(stop)

    assert queue.asked == [2, 2]


async def test_an_empty_queue_is_asked_less_and_less_often() -> None:
    stop = RecordedStop()
    queue = MemoryQueue(stop, [], empty_polls=8)

    await listener(BATCH, queue, ScriptedRun()).listen(stop)

    assert stop.pauses == [0.02, 0.04, 0.08, 0.16, 0.25, 0.25, 0.25, 0.25]


async def test_a_queue_that_cannot_be_read_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    stop = RecordedStop()
    queue = MemoryQueue(stop, [message(1)])
    queue.outages = 2

    await listener(BATCH, queue, ScriptedRun()).listen(stop)

    assert queue.completed == ["lock1"]
    assert "events cannot be read and is tried again: the disk is full" in caplog.text


async def test_a_storage_queue_function_gets_the_message_as_storage_sends_it() -> None:
    stop = RecordedStop()
    queue, run = MemoryQueue(stop, [message(1, b"body", deliveries=2)]), ScriptedRun()

    await listener(function("queueTrigger", queueName="events"), queue, run).listen(stop)

    assert run.given[0].value.string == "body"
    assert run.given[0].metadata["DequeueCount"].json == "2"
    assert queue.completed == ["lock1"]
