"""/batches: each line really runs, the first time that somebody looks after a moment has passed."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, time

import orjson

from devhost.simulator.catalog import Deployment, find_deployment
from devhost.simulator.errors import AzureError, bad_request
from devhost.simulator.exchange import Answer, Call, Handler, Json, Route, answer
from devhost.simulator.resources.files import Files
from devhost.simulator.store import Collection, new_id

_MOST_LINES = 100_000
_MOMENT_S = 0.05
_DAY_S = 86_400
_USAGE_COUNTS = ("input_tokens", "output_tokens", "total_tokens")


class _Unfit(Exception):
    """The input file cannot be run."""


@dataclass(slots=True)
class _Tally:
    """Results and usage of the lines that have run."""

    lines: list[bytes]
    usage: Json
    failed: int = 0


class Batches:
    def __init__(self, files: Files, handlers: Mapping[str, Handler]) -> None:
        self._files = files
        self._handlers = handlers
        self._batches = Collection("batch", "batch_")
        self._created: dict[str, float] = {}

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "batches", self.create),
            Route("GET", "batches", self.page),
            Route("GET", "batches/{id}", self.retrieve),
            Route("POST", "batches/{id}/cancel", self.cancel),
        )

    async def create(self, call: Call) -> Answer:
        body = call.json
        source = self._files.find(body.get("input_file_id"))
        if source is None:
            raise bad_request("The input file does not exist.", "input_file_id", "invalid_value")
        if source["purpose"] != "batch":
            raise bad_request("The input file's purpose is not 'batch'.", "input_file_id", "invalid_value")
        if _operation(body.get("endpoint")) not in self._handlers:
            raise bad_request("This endpoint cannot be run in batches.", "endpoint", "invalid_value")
        now = int(time())
        batch = self._batches.add(
            {
                "endpoint": body["endpoint"],
                "input_file_id": body["input_file_id"],
                "completion_window": body.get("completion_window") or "24h",
                "status": "validating",
                "errors": None,
                "output_file_id": None,
                "error_file_id": None,
                "expires_at": now + _DAY_S,
                "metadata": body.get("metadata"),
                "request_counts": {"total": 0, "completed": 0, "failed": 0},
            }
        )
        self._created[batch["id"]] = monotonic()
        return answer(batch)

    async def page(self, call: Call) -> Answer:
        return answer(self._batches.page(call.query))

    async def retrieve(self, call: Call) -> Answer:
        batch = self._batches.get(call.ids[0])
        if batch["status"] == "validating" and monotonic() - self._created[batch["id"]] >= _MOMENT_S:
            await self._run(batch)
        return answer(batch)

    async def cancel(self, call: Call) -> Answer:
        batch = self._batches.get(call.ids[0])
        if batch["status"] != "validating":
            raise bad_request(f"A batch that is {batch['status']} cannot be cancelled.", None, "invalid_state", 409)
        batch.update(status="cancelled", cancelled_at=int(time()))
        return answer(batch)

    async def _run(self, batch: Json) -> None:
        try:
            deployment, requests = self._read(batch)
        except _Unfit as problem:
            errors = [{"code": "invalid_request", "message": str(problem), "line": None, "param": None}]
            batch.update(status="failed", failed_at=int(time()), errors={"object": "list", "data": errors})
            return
        tally = _Tally([], _no_usage())
        for request in requests:
            await self._run_line(deployment, request, tally)
        output = self._files.keep("output.jsonl", b"\n".join(tally.lines) + b"\n", "batch_output")
        total = len(requests)
        counts = {"total": total, "completed": total - tally.failed, "failed": tally.failed}
        batch.update(
            status="completed",
            completed_at=int(time()),
            in_progress_at=batch["created_at"],
            finalizing_at=int(time()),
            output_file_id=output["id"],
            error_file_id="",
            model=deployment.model,
            request_counts=counts,
            usage=tally.usage,
        )

    def _read(self, batch: Json) -> tuple[Deployment, list[Json]]:
        content = self._files.content(batch["input_file_id"])
        if content.startswith(b"\xef\xbb\xbf"):
            raise _Unfit("The file begins with a byte order mark.")
        lines = [line for line in content.splitlines() if line.strip()]
        if not 1 <= len(lines) <= _MOST_LINES:
            raise _Unfit(f"The file must have between 1 and {_MOST_LINES} lines.")
        try:
            requests = [orjson.loads(line) for line in lines]
            addresses = {(request["body"]["model"], _operation(request["url"])) for request in requests}
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise _Unfit("A line is not a request with custom_id, method, url and body.") from error
        if len(addresses) > 1:
            raise _Unfit("All lines must have the same model and url.")
        model, operation = addresses.pop()
        deployment = find_deployment(str(model))
        if deployment is None or operation != _operation(batch["endpoint"]):
            raise _Unfit("The deployment does not exist, or the lines' url is not the batch's endpoint.")
        return deployment, requests

    async def _run_line(self, deployment: Deployment, request: Json, tally: _Tally) -> None:
        call = Call(json={**request["body"], "stream": False, "stream_options": None}, named=deployment)
        try:
            result = await self._handlers[_operation(request["url"])](call)
            status, body = 200, orjson.loads(result.body) if isinstance(result, Answer) else {}
        except AzureError as error:
            status, body = error.status, {"error": error.error}
            tally.failed += 1
        response = {"status_code": status, "request_id": new_id("req_"), "body": body}
        line = {"id": new_id("batch_req_"), "custom_id": request.get("custom_id"), "response": response, "error": None}
        tally.lines.append(orjson.dumps(line))
        _add(tally.usage, body.get("usage") or {})


def _operation(url: object) -> str:
    return str(url).removeprefix("/v1")


def _no_usage() -> Json:
    return {
        **dict.fromkeys(_USAGE_COUNTS, 0),
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }


def _add(total: Json, usage: Json) -> None:
    prompt: int = int(usage.get("prompt_tokens") or usage.get("input_tokens") or 0)
    completion: int = int(usage.get("completion_tokens") or usage.get("output_tokens") or 0)
    read = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    written = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    for name, value in zip(_USAGE_COUNTS, (prompt, completion, prompt + completion), strict=True):
        total[name] += value
    total["input_tokens_details"]["cached_tokens"] += read.get("cached_tokens", 0)
    total["output_tokens_details"]["reasoning_tokens"] += written.get("reasoning_tokens", 0)
