"""Reads and writes the model's name, wherever an endpoint keeps it: in the body, in a form, in a session or in the query."""

from urllib.parse import parse_qsl, urlencode

import orjson

from shared.errors import BadRequest
from shared.gateway.call import Call, Json, parse_object
from shared.wire.json_edit import DuplicateKey, set_member, set_model
from shared.wire.multipart import set_field
from shared.wire.openai.endpoints import ModelIn

_PROMPTS = frozenset({"chat/completions", "completions", "responses", "responses/compact", "responses/input_tokens"})


def named_model(call: Call, query: str) -> object:
    """Return what the request names as its model, whatever it is; None where it names none."""
    content, where = call.content, call.endpoint.model
    if where is ModelIn.SESSION:
        return _session(call).get("model")
    if where is ModelIn.CALL:
        return _session(call).get("model") if content.form else _in_query(query)
    if content.form is not None:
        return content.form.value("model")
    return (content.json or {}).get("model")


def with_model(call: Call, body: bytes | None, query: str, name: str) -> tuple[bytes | None, str]:
    """Return body and query with the model's name set, and everything else as the caller wrote it. Raises BadRequest."""
    if call.endpoint.model is ModelIn.CALL:
        others = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "model"]
        query = urlencode(others if call.content.form else [*others, ("model", name)])
        if call.content.form is None:
            return body, query
    return (None if body is None else _in_body(call, body, name)), query


def _in_body(call: Call, body: bytes, name: str) -> bytes:
    content = call.content
    try:
        if call.endpoint.model in (ModelIn.SESSION, ModelIn.CALL):
            session = orjson.dumps({**_session(call), "model": name}).decode()
            return (
                set_field(body, content.form, "session", session)
                if content.form
                else set_member(body, "session", session)
            )
        if content.form is not None:
            return set_field(body, content.form, "model", name)
        return set_model(body, content.json or {}, name)
    except DuplicateKey as error:
        raise BadRequest(str(error), param=error.key, code="duplicate_key") from None


def _session(call: Call) -> Json:
    """The session that a realtime request describes."""
    if call.content.form is None:
        session = (call.content.json or {}).get("session")
        return session if isinstance(session, dict) else {}
    text = call.content.form.value("session")
    return parse_object(text.encode()) if text else {}


def _in_query(query: str) -> str | None:
    models = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "model"]
    if len(models) > 1:
        raise BadRequest("The query names its model twice.", param="model", code="duplicate_key")
    return models[0] if models else None


def models_of_tools(body: Json) -> set[str]:
    """Return the models that a prompt's tools name, as the one that draws pictures does.

    They are the upstream's names and are passed on as they are, so that they need no route; but a caller whose models are limited
    has no others by way of a tool.
    """
    found: set[str] = set()
    tools = body.get("tools")
    pending = list(tools) if isinstance(tools, list) else []
    while pending:
        tool = pending.pop()
        if isinstance(tool, dict):
            if isinstance(model := tool.get("model"), str) and model:
                found.add(model)
            nested = tool.get("tools")
            pending.extend(nested if isinstance(nested, list) else ())
    return found


def tool_models(call: Call) -> set[str]:
    return models_of_tools(call.content.json or {}) if call.endpoint.path in _PROMPTS else set()


def nested_models(call: Call) -> set[str]:
    """Return the models that a session, an eval or a fine-tuning job names besides its own."""
    if call.endpoint.model in (ModelIn.SESSION, ModelIn.CALL):
        root: object = _session(call)
    elif call.endpoint.name.startswith(("evals.", "fine_tuning.")):
        root = call.content.json
    else:
        return set()
    found, pending = set(), [root]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            if isinstance(model := node.get("model"), str) and model:
                found.add(model)
            pending.extend(node.values())
    return found
