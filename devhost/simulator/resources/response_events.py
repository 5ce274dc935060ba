"""The event sequence of a streamed response."""

from collections.abc import Iterator, Sequence
from itertools import batched

from devhost.simulator.exchange import Json
from devhost.simulator.language_model import Reply

_ENDINGS = {"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"}


def events_of(response: Json, reply: Reply) -> list[Json]:
    """Return all events of a finished response, numbered."""
    started: Json = {**response, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    events: list[Json] = [{"type": "response.created", "response": started}]
    if response["background"]:
        events[0] = {"type": "response.created", "response": {**started, "status": "queued"}}
        events.append({"type": "response.queued", "response": {**started, "status": "queued"}})
    events.append({"type": "response.in_progress", "response": started})
    for index, item in enumerate(response["output"]):
        events += [{"output_index": index, **each} for each in _item_events(item, reply.pieces)]
    events.append({"type": _ENDINGS[response["status"]], "response": response})
    return [{"sequence_number": number, **each} for number, each in enumerate(events)]


def _item_events(item: Json, pieces: Sequence[str]) -> Iterator[Json]:
    match item["type"]:
        case "reasoning":
            yield {"type": "response.output_item.added", "item": {**item, "summary": []}}
            yield from _summary_events(item)
        case "function_call":
            yield {"type": "response.output_item.added", "item": {**item, "status": "in_progress", "arguments": ""}}
            yield from _argument_events(item, pieces)
        case _:
            yield {"type": "response.output_item.added", "item": {**item, "status": "in_progress", "content": []}}
            yield from _text_events(item, pieces)
    yield {"type": "response.output_item.done", "item": item}


def _text_events(item: Json, pieces: Sequence[str]) -> Iterator[Json]:
    part = item["content"][0]
    place = {"item_id": item["id"], "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in filter(None, pieces):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}


def _argument_events(item: Json, pieces: Sequence[str]) -> Iterator[Json]:
    place = {"item_id": item["id"]}
    for delta in batched(pieces, 3, strict=False):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": "".join(delta)}
    yield {
        "type": "response.function_call_arguments.done",
        **place,
        "name": item["name"],
        "arguments": item["arguments"],
    }


def _summary_events(item: Json) -> Iterator[Json]:
    for index, part in enumerate(item["summary"]):
        place = {"item_id": item["id"], "summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": part["text"]}
        yield {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **place, "part": part}
