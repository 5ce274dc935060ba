"""Trigger values and metadata as the Functions host encodes them for a Python worker."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devhost.rpc import CollectionBytes, CollectionString, TypedData
from shared.queues import Message


@dataclass(frozen=True, slots=True)
class Input:
    """What an invocation is given: the trigger's value and its metadata."""

    value: TypedData
    metadata: Mapping[str, TypedData]


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """When a timer last ran and when it is due."""

    last: datetime
    next: datetime

    def as_json(self) -> dict[str, str]:
        return {"Last": self.last.isoformat(), "Next": self.next.isoformat(), "LastUpdated": self.last.isoformat()}


def timer(status: ScheduleStatus | None, is_past_due: bool) -> Input:
    """`status` is None for a timer that is not monitored."""
    value = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status.as_json() if status else None,
        "IsPastDue": is_past_due,
    }
    return Input(_json(value), {})


def service_bus(message: Message) -> Input:
    """One message: the body as it is, each property by its name."""
    metadata = _properties(message)
    texts = {name: TypedData(string=metadata.pop(name)) for name in ("MessageId", "LockToken", "ContentType")}
    return Input(_body(message), texts | {name: _json(value) for name, value in metadata.items()})


def service_bus_batch(messages: Sequence[Message]) -> Input:
    """Many messages: the bodies as one collection, each property as an array by the name with `Array`."""
    properties = [_properties(message) for message in messages]
    metadata = {f"{name}Array": _json([each[name] for each in properties]) for name in properties[0]}
    return Input(_bodies(messages), metadata)


def storage_queue(message: Message) -> Input:
    """One message of a storage queue."""
    at = _moment(message.enqueued_at)
    return Input(
        _body(message),
        {
            "Id": TypedData(string=message.id),
            "PopReceipt": TypedData(string=message.lock_token),
            "QueueTrigger": _body(message),
            "DequeueCount": _json(message.delivery_count),
            "InsertionTime": _json(at),
            "ExpirationTime": _json(at),
            "NextVisibleTime": _json(at),
        },
    )


def _properties(message: Message) -> dict[str, Any]:
    return {
        "MessageId": message.id,
        "LockToken": message.lock_token,
        "ContentType": "application/json",
        "DeliveryCount": message.delivery_count,
        "SequenceNumber": message.sequence_number,
        "EnqueuedTimeUtc": _moment(message.enqueued_at),
        "ApplicationProperties": {},
        "UserProperties": {},
    }


def _body(message: Message) -> TypedData:
    text = _text(message.body)
    return TypedData(bytes=message.body) if text is None else TypedData(string=text)


def _bodies(messages: Sequence[Message]) -> TypedData:
    texts = [text for message in messages if (text := _text(message.body)) is not None]
    if len(texts) == len(messages):
        return TypedData(collection_string=CollectionString(texts))
    return TypedData(collection_bytes=CollectionBytes([message.body for message in messages]))


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _json(value: object) -> TypedData:
    return TypedData(json=json.dumps(value))
