"""Drives the official runtime through the calls that the Functions host makes, in the host's order."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import azure_functions_runtime as runtime

from devhost import rpc
from devhost.extension import web_apps
from devhost.rpc import ParameterBinding, TypedData


class AppInvalid(Exception):
    """The function app cannot be served; the message says what the host would say."""


@dataclass(frozen=True, slots=True)
class Function:
    """An indexed function. `trigger` is its trigger's binding as the host sees it."""

    id: str
    name: str
    trigger: Mapping[str, Any]
    outputs: tuple[Mapping[str, Any], ...] = ()

    @property
    def trigger_type(self) -> str:
        return str(self.trigger["type"])

    @property
    def argument(self) -> str:
        return str(self.trigger["name"])

    @property
    def takes_batches(self) -> bool:
        return str(self.trigger.get("cardinality", "")).lower() == "many"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended. `error` is `Type: message`, or None for success."""

    error: str | None = None
    stack_trace: str = ""

    @property
    def error_type(self) -> str:
        return (self.error or "").partition(":")[0]


class Worker:
    """The runtime with one function app loaded. A process holds one: the runtime's state is global."""

    def __init__(self, functions: Mapping[str, Function], web_app: Any) -> None:
        self.functions = functions
        self.web_app = web_app

    @classmethod
    async def load(cls, app_dir: Path) -> Self:
        """Index the app in `app_dir` and load each function. Raises AppInvalid."""
        if str(app_dir) not in sys.path:
            sys.path.insert(0, str(app_dir))
        runtime.start_threadpool_executor()
        message = rpc.StreamingMessage(worker_init_request=rpc.WorkerInitRequest(str(app_dir)))
        with web_apps() as apps:
            answer = await runtime.worker_init_request(rpc.Call(message, {"protos": rpc, "host": "127.0.0.1"}))
        _require(answer.result, "The function app does not load")
        listing = await runtime.functions_metadata_request(rpc.Call(rpc.StreamingMessage()))
        _require(listing.result, "The function app does not index")
        if not listing.function_metadata_results:
            raise AppInvalid(f"There are no functions in {app_dir / 'function_app.py'}.")
        functions = {}
        for metadata in listing.function_metadata_results:
            loading = rpc.StreamingMessage(function_load_request=rpc.FunctionLoadRequest(metadata.function_id))
            loaded = await runtime.function_load_request(rpc.Call(loading))
            _require(loaded.result, f"The function {metadata.name} does not load")
            functions[metadata.name] = _function(metadata)
        return cls(functions, apps.captured[0] if apps.captured else None)

    def close(self) -> None:
        """Let the threads of synchronous functions end."""
        runtime.stop_threadpool_executor()

    def triggered_by(self, *trigger_types: str) -> list[Function]:
        return [function for function in self.functions.values() if function.trigger_type in trigger_types]

    async def invoke(self, function: Function, value: TypedData, metadata: Mapping[str, TypedData]) -> Outcome:
        """Run a function that is not triggered by HTTP."""
        binding = ParameterBinding(function.argument, value)
        request = rpc.InvocationRequest(function.id, str(uuid4()), [binding], metadata, rpc.TraceContext())
        answer = await runtime.invocation_request(rpc.Call(rpc.StreamingMessage(invocation_request=request)))
        if answer.result.status == rpc.StatusResult.Success:
            return Outcome()
        return Outcome(answer.result.exception.message, answer.result.exception.stack_trace)


def _function(metadata: rpc.RpcFunctionMetadata) -> Function:
    bindings = [json.loads(binding) for binding in metadata.raw_bindings]
    trigger = next(binding for binding in bindings if binding["type"].lower().endswith("trigger"))
    outputs = tuple(b for b in bindings if str(b.get("direction", "")).upper() == "OUT" and b["type"] != "http")
    return Function(metadata.function_id, metadata.name, trigger, outputs)


def _require(result: rpc.StatusResult, what: str) -> None:
    if result.status != rpc.StatusResult.Success:
        raise AppInvalid(f"{what}: {result.exception.message}\n{result.exception.stack_trace}".rstrip())
