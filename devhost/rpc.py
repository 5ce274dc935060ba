"""Stand-ins for the host's gRPC messages: the runtime is given this module as its message classes and asks no more of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class Record:
    """A message that the runtime builds from keywords; what it leaves out is the class's default."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class RpcException(Record):
    message = ""
    stack_trace = ""


class StatusResult(Record):
    Failure, Success, Cancelled = 0, 1, 2
    status = 0
    exception: RpcException


class BindingInfo(Record):
    out, inout = 1, 2
    undefined, string, binary, stream = 0, 1, 2, 3


setattr(BindingInfo, "in", 0)


class TypedData:
    """One value and the name of its kind, as in protobuf's `oneof`."""

    string = json = bytes = stream = int = double = http = None
    collection_bytes = collection_string = collection_double = collection_sint64 = None
    model_binding_data = collection_model_binding_data = None

    def __init__(self, **content: Any) -> None:
        self.kind = next(iter(content), None)
        self.__dict__.update(content)

    def WhichOneof(self, _group: str) -> str | None:
        return self.kind


class ParameterBinding:
    __slots__ = ("data", "name")

    def __init__(self, name: str, data: TypedData) -> None:
        self.name, self.data = name, data

    def WhichOneof(self, _group: str) -> str:
        return "data"


@dataclass(slots=True)
class RpcHttp:
    """Only the route's parameters travel here: the request itself comes through the extension's web app."""

    params: Mapping[str, str]
    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: TypedData = field(default_factory=TypedData)


class CollectionString:
    def __init__(self, string: Sequence[str]) -> None:
        self.string = string


class CollectionBytes:
    def __init__(self, bytes: Sequence[bytes]) -> None:
        self.bytes = bytes


class WorkerMetadata(Record):
    pass


class WorkerInitResponse(Record):
    capabilities: Mapping[str, str]
    result: StatusResult


class RpcFunctionMetadata(Record):
    name: str
    function_id: str
    raw_bindings: Sequence[str]


class FunctionMetadataResponse(Record):
    function_metadata_results: Sequence[RpcFunctionMetadata] | None = None
    result: StatusResult


class FunctionLoadResponse(Record):
    result: StatusResult


class InvocationResponse(Record):
    result: StatusResult


class RpcRetryOptions(Record):
    pass


@dataclass(slots=True)
class TraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryContext:
    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException | None = None


_NO_RETRY = RetryContext()


@dataclass(slots=True)
class InvocationRequest:
    function_id: str
    invocation_id: str
    input_data: Sequence[ParameterBinding]
    trigger_metadata: Mapping[str, TypedData]
    trace_context: TraceContext
    retry_context: RetryContext = _NO_RETRY


@dataclass(slots=True)
class WorkerInitRequest:
    function_app_directory: str
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FunctionLoadRequest:
    function_id: str


@dataclass(slots=True)
class StreamingMessage:
    """The envelope of every message from the host."""

    worker_init_request: WorkerInitRequest | None = None
    function_load_request: FunctionLoadRequest | None = None
    invocation_request: InvocationRequest | None = None


@dataclass(slots=True)
class Call:
    """What the worker's dispatcher hands to the runtime: the message and, once, the process's properties."""

    request: StreamingMessage
    properties: Mapping[str, Any] = field(default_factory=dict)
