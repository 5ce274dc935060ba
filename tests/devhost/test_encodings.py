"""What the official SDK makes of the encodings: its converters are the judge."""

from datetime import UTC, datetime

from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter
from azure.functions.servicebus import ServiceBusMessageInConverter
from azure.functions.timer import TimerRequestConverter

from devhost import encodings
from devhost.encodings import Input, ScheduleStatus
from devhost.rpc import TypedData
from tests.devhost.fakes import NOON, message


def datum(data: TypedData) -> Datum:
    return Datum(type=data.kind, value=getattr(data, data.kind or ""))


def decoded(converter: type, given: Input) -> object:
    metadata = {name: datum(value) for name, value in given.metadata.items()}
    return converter.decode(datum(given.value), trigger_metadata=metadata)  # type: ignore[attr-defined]


def test_a_service_bus_message_arrives_with_its_properties() -> None:
    received = decoded(ServiceBusMessageInConverter, encodings.service_bus(message(7, "ü".encode(), deliveries=3)))

    assert received.get_body() == "ü".encode()
    assert (received.message_id, received.delivery_count, received.sequence_number) == ("m7", 3, 7)
    assert received.lock_token == "lock7"
    assert received.enqueued_time_utc == NOON
    assert (received.application_properties, received.user_properties) == ({}, {})


def test_a_batch_arrives_in_order_with_the_properties_of_each() -> None:
    batch = [message(1, b"one"), message(2, b"two", deliveries=2)]

    received = decoded(ServiceBusMessageInConverter, encodings.service_bus_batch(batch))

    assert [each.get_body() for each in received] == [b"one", b"two"]
    assert [each.message_id for each in received] == ["m1", "m2"]
    assert [each.delivery_count for each in received] == [1, 2]
    assert {each.enqueued_time_utc for each in received} == {NOON}


def test_bodies_that_are_not_text_arrive_byte_for_byte() -> None:
    blob = b"\xff\x00"

    single = decoded(ServiceBusMessageInConverter, encodings.service_bus(message(1, blob)))
    batch = decoded(ServiceBusMessageInConverter, encodings.service_bus_batch([message(1, blob), message(2, b"text")]))

    assert single.get_body() == blob
    assert [each.get_body() for each in batch] == [blob, b"text"]


def test_a_storage_queue_message_arrives_with_its_properties() -> None:
    received = decoded(QueueMessageInConverter, encodings.storage_queue(message(1, b"body", deliveries=2)))

    assert received.get_body() == b"body"
    assert (received.id, received.dequeue_count, received.pop_receipt) == ("m1", 2, "lock1")
    assert received.insertion_time == NOON


def test_a_timer_says_when_it_ran_and_when_it_is_due() -> None:
    status = ScheduleStatus(NOON, datetime(2026, 3, 2, 12, 5, tzinfo=UTC))

    received = decoded(TimerRequestConverter, encodings.timer(status, is_past_due=True))

    assert received.past_due
    assert received.schedule_status["Next"] == "2026-03-02T12:05:00+00:00"
    assert decoded(TimerRequestConverter, encodings.timer(None, is_past_due=False)).schedule_status == {}
