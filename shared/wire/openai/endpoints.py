"""The OpenAI API as data: every operation that the gateway proxies, how its model is named and how its usage is read.

The table is the only list of routes. The triggers, the pipeline, the documentation and the tests all read it, so a route that
is not here does not exist, and one that is here cannot be unmetered.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class Body(Enum):
    NONE = "none"
    JSON = "json"
    MULTIPART = "multipart"
    FORM_OR_JSON = "form_or_json"
    FORM_OR_RAW = "form_or_raw"


class ModelIn(Enum):
    """Where the request names its model; an Azure-shaped path that names one always wins.

    SESSION is the member `session` of the body, CALL the form field `session` or the query.
    """

    NOWHERE = "nowhere"
    BODY = "body"
    BODY_OPTIONAL = "body_optional"
    SESSION = "session"
    CALL = "call"


class Meter(StrEnum):
    """How usage is read from the answer. REQUEST counts the call and nothing else."""

    CHAT = "chat"
    COMPLETION = "completion"
    RESPONSE = "response"
    EMBEDDING = "embedding"
    IMAGE = "image"
    SPEECH = "speech"
    TRANSCRIPTION = "transcription"
    REQUEST = "request"


class Kind(StrEnum):
    """Objects that an upstream keeps, each owned by the team that made it."""

    RESPONSE = "response"
    FILE = "file"
    UPLOAD = "upload"
    BATCH = "batch"
    VECTOR_STORE = "vector_store"
    CONTAINER = "container"
    FINE_TUNING_JOB = "fine_tuning_job"
    EVAL = "eval"
    REALTIME_CALL = "realtime_call"
    ITEM = "item"


class Served(Enum):
    UPSTREAM = "upstream"
    MODELS = "models"
    OWNED_LIST = "owned_list"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation: `POST /v1/<path>`.

    `owned` is the kind of the object that `{id}` in the path names; `creates` the kind of the object that the answer holds.
    """

    name: str
    method: str
    path: str
    meter: Meter = Meter.REQUEST
    body: Body = Body.NONE
    model: ModelIn = ModelIn.NOWHERE
    owned: Kind | None = None
    creates: Kind | None = None
    served: Served = Served.UPSTREAM
    by_deployment: bool = False
    adds_usage: bool = False


def _generation(name: str, meter: Meter, body: Body = Body.JSON, **more: object) -> Endpoint:
    """An operation that Azure also serves below /openai/deployments/{deployment}/."""
    path = name.replace(".", "/")
    return Endpoint(name, "POST", path, meter, body, ModelIn.BODY, by_deployment=True, **more)  # type: ignore[arg-type]


def _object(name: str, path: str, kind: Kind, update: bool = False, delete: bool = True) -> tuple[Endpoint, ...]:
    """List, read and, where the API has them, update and delete one kind of object."""
    item = f"{path}/{{id}}"
    listing = Endpoint(f"{name}.list", "GET", path, owned=kind, served=Served.OWNED_LIST)
    reading = Endpoint(f"{name}.retrieve", "GET", item, owned=kind)
    updating = (Endpoint(f"{name}.update", "POST", item, body=Body.JSON, owned=kind),) if update else ()
    deleting = (Endpoint(f"{name}.delete", "DELETE", item, owned=kind),) if delete else ()
    return listing, reading, *updating, *deleting


def _parts(kind: Kind, *operations: str) -> tuple[Endpoint, ...]:
    """Operations below an owned object, each written `name METHOD path`; a POST carries JSON."""
    endpoints = []
    for operation in operations:
        name, method, path = operation.split()
        body = Body.JSON if method == "POST" else Body.NONE
        endpoints.append(Endpoint(name, method, path, body=body, owned=kind))
    return tuple(endpoints)


CHAT_COMPLETIONS = _generation("chat.completions", Meter.CHAT, adds_usage=True)
RESPONSES = Endpoint(
    "responses", "POST", "responses", Meter.RESPONSE, Body.JSON, ModelIn.BODY_OPTIONAL, creates=Kind.RESPONSE
)
MODELS = Endpoint("models.list", "GET", "models", served=Served.MODELS)
MODEL = Endpoint("models.retrieve", "GET", "models/{id}", served=Served.MODELS)

ENDPOINTS: tuple[Endpoint, ...] = (
    CHAT_COMPLETIONS,
    _generation("completions", Meter.COMPLETION, adds_usage=True),
    _generation("embeddings", Meter.EMBEDDING),
    _generation("images.generations", Meter.IMAGE),
    _generation("images.edits", Meter.IMAGE, Body.FORM_OR_JSON),
    _generation("images.variations", Meter.IMAGE, Body.MULTIPART),
    _generation("audio.speech", Meter.SPEECH),
    _generation("audio.transcriptions", Meter.TRANSCRIPTION, Body.MULTIPART),
    _generation("audio.translations", Meter.TRANSCRIPTION, Body.MULTIPART),
    RESPONSES,
    Endpoint("responses.input_tokens", "POST", "responses/input_tokens", body=Body.JSON, model=ModelIn.BODY_OPTIONAL),
    Endpoint("responses.compact", "POST", "responses/compact", Meter.RESPONSE, Body.JSON, ModelIn.BODY_OPTIONAL),
    Endpoint("responses.retrieve", "GET", "responses/{id}", owned=Kind.RESPONSE),
    Endpoint("responses.delete", "DELETE", "responses/{id}", owned=Kind.RESPONSE),
    Endpoint("responses.cancel", "POST", "responses/{id}/cancel", owned=Kind.RESPONSE),
    Endpoint("responses.input_items", "GET", "responses/{id}/input_items", owned=Kind.RESPONSE),
    MODELS,
    MODEL,
    Endpoint("moderations", "POST", "moderations", body=Body.JSON, model=ModelIn.BODY_OPTIONAL),
    Endpoint("files.create", "POST", "files", body=Body.MULTIPART, creates=Kind.FILE),
    *_object("files", "files", Kind.FILE),
    *_parts(Kind.FILE, "files.content GET files/{id}/content"),
    Endpoint("uploads.create", "POST", "uploads", body=Body.JSON, creates=Kind.UPLOAD),
    Endpoint("uploads.parts", "POST", "uploads/{id}/parts", body=Body.MULTIPART, owned=Kind.UPLOAD),
    Endpoint(
        "uploads.complete", "POST", "uploads/{id}/complete", body=Body.JSON, owned=Kind.UPLOAD, creates=Kind.UPLOAD
    ),
    Endpoint("uploads.cancel", "POST", "uploads/{id}/cancel", owned=Kind.UPLOAD),
    Endpoint("batches.create", "POST", "batches", body=Body.JSON, creates=Kind.BATCH),
    *_object("batches", "batches", Kind.BATCH, delete=False),
    Endpoint("batches.cancel", "POST", "batches/{id}/cancel", owned=Kind.BATCH),
    Endpoint("vector_stores.create", "POST", "vector_stores", body=Body.JSON, creates=Kind.VECTOR_STORE),
    *_object("vector_stores", "vector_stores", Kind.VECTOR_STORE, update=True),
    *_parts(
        Kind.VECTOR_STORE,
        "vector_stores.search POST vector_stores/{id}/search",
        "vector_stores.files.create POST vector_stores/{id}/files",
        "vector_stores.files.list GET vector_stores/{id}/files",
        "vector_stores.files.retrieve GET vector_stores/{id}/files/{part}",
        "vector_stores.files.update POST vector_stores/{id}/files/{part}",
        "vector_stores.files.delete DELETE vector_stores/{id}/files/{part}",
        "vector_stores.files.content GET vector_stores/{id}/files/{part}/content",
        "vector_stores.file_batches.create POST vector_stores/{id}/file_batches",
        "vector_stores.file_batches.retrieve GET vector_stores/{id}/file_batches/{part}",
        "vector_stores.file_batches.cancel POST vector_stores/{id}/file_batches/{part}/cancel",
        "vector_stores.file_batches.files GET vector_stores/{id}/file_batches/{part}/files",
    ),
    Endpoint("containers.create", "POST", "containers", body=Body.JSON, creates=Kind.CONTAINER),
    *_object("containers", "containers", Kind.CONTAINER),
    Endpoint("containers.files.create", "POST", "containers/{id}/files", body=Body.FORM_OR_JSON, owned=Kind.CONTAINER),
    *_parts(
        Kind.CONTAINER,
        "containers.files.list GET containers/{id}/files",
        "containers.files.retrieve GET containers/{id}/files/{part}",
        "containers.files.delete DELETE containers/{id}/files/{part}",
        "containers.files.content GET containers/{id}/files/{part}/content",
    ),
    Endpoint(
        "fine_tuning.jobs.create",
        "POST",
        "fine_tuning/jobs",
        body=Body.JSON,
        model=ModelIn.BODY,
        creates=Kind.FINE_TUNING_JOB,
    ),
    *_object("fine_tuning.jobs", "fine_tuning/jobs", Kind.FINE_TUNING_JOB, delete=False),
    *_parts(
        Kind.FINE_TUNING_JOB,
        "fine_tuning.jobs.cancel POST fine_tuning/jobs/{id}/cancel",
        "fine_tuning.jobs.pause POST fine_tuning/jobs/{id}/pause",
        "fine_tuning.jobs.resume POST fine_tuning/jobs/{id}/resume",
        "fine_tuning.jobs.events GET fine_tuning/jobs/{id}/events",
        "fine_tuning.jobs.checkpoints GET fine_tuning/jobs/{id}/checkpoints",
    ),
    Endpoint("evals.create", "POST", "evals", body=Body.JSON, creates=Kind.EVAL),
    *_object("evals", "evals", Kind.EVAL, update=True),
    *_parts(
        Kind.EVAL,
        "evals.runs.create POST evals/{id}/runs",
        "evals.runs.list GET evals/{id}/runs",
        "evals.runs.retrieve GET evals/{id}/runs/{part}",
        "evals.runs.cancel POST evals/{id}/runs/{part}",
        "evals.runs.delete DELETE evals/{id}/runs/{part}",
        "evals.runs.output_items GET evals/{id}/runs/{part}/output_items",
        "evals.runs.output_item GET evals/{id}/runs/{part}/output_items/{item}",
    ),
    Endpoint("realtime.client_secrets", "POST", "realtime/client_secrets", body=Body.JSON, model=ModelIn.SESSION),
    Endpoint(
        "realtime.calls",
        "POST",
        "realtime/calls",
        body=Body.FORM_OR_RAW,
        model=ModelIn.CALL,
        creates=Kind.REALTIME_CALL,
    ),
)
