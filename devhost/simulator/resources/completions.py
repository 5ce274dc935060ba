"""POST /completions, the older way."""

from collections.abc import Iterator
from dataclasses import replace
from time import time

from devhost.simulator.catalog import Operation
from devhost.simulator.checks import check_stream_options, check_types, required
from devhost.simulator.content_filter import prompt_results, safe_completion
from devhost.simulator.errors import bad_request, operation_not_supported
from devhost.simulator.exchange import DONE, Answer, Call, Json, ModelIn, Route, Stream, answer, event
from devhost.simulator.language_model import Ask, LanguageModel, Reply, Usage
from devhost.simulator.store import new_id
from devhost.simulator.tokens import Segment

_DEFAULT_LIMIT = 16


class Completions:
    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def routes(self) -> tuple[Route, ...]:
        return (Route("POST", "completions", self.create, ModelIn.BODY, by_deployment=True),)

    async def create(self, call: Call) -> Answer | Stream:
        deployment, body = call.deployment, call.json
        if Operation.COMPLETION not in deployment.operations:
            raise operation_not_supported(Operation.COMPLETION, deployment.model)
        check_types(body)
        check_stream_options(body)
        segments, text = _prompt(required(body, "prompt"))
        limit = body.get("max_tokens") or _DEFAULT_LIMIT
        usage = await self._model.read(deployment, segments, limit, "prompt")
        stop = body.get("stop") or ()
        ask = Ask(text, limit, (stop,) if isinstance(stop, str) else tuple(stop))
        replies = [
            await self._model.write(deployment, replace(ask, choice=index)) for index in range(body.get("n") or 1)
        ]
        usage = replace(usage, completion=sum(reply.tokens for reply in replies))
        shared: Json = {
            "created": int(time()),
            "id": new_id("cmpl-"),
            "model": deployment.model,
            "object": "text_completion",
        }
        if body.get("stream"):
            includes_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return Stream(_events(replies, usage if includes_usage else None, shared))
        choices = [_choice(index, reply.text, reply.finish) for index, reply in enumerate(replies)]
        return answer({**shared, "choices": choices, "prompt_filter_results": prompt_results(), "usage": _usage(usage)})


def _prompt(prompt: object) -> tuple[list[Segment], str]:
    if isinstance(prompt, str):
        return [prompt], prompt
    if isinstance(prompt, list) and all(isinstance(each, str) for each in prompt):
        return list(prompt), prompt[-1] if prompt else ""
    if isinstance(prompt, list) and all(isinstance(each, int) for each in prompt):
        return [len(prompt)], ""
    raise bad_request("Invalid type for 'prompt'.", "prompt", "invalid_type")


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }


def _choice(index: int, text: str, finish: str | None) -> Json:
    return {
        "content_filter_results": safe_completion(),
        "finish_reason": finish,
        "index": index,
        "logprobs": None,
        "text": text,
    }


def _events(replies: list[Reply], usage: Usage | None, shared: Json) -> Iterator[bytes]:
    for index, reply in enumerate(replies):
        for piece in filter(None, reply.pieces):
            yield event({**shared, "choices": [_choice(index, piece, None)]})
        yield event({**shared, "choices": [_choice(index, "", reply.finish)]})
    if usage is not None:
        yield event({**shared, "choices": [], "usage": _usage(usage)})
    yield DONE
