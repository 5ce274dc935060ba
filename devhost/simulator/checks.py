"""Refuses bodies whose fields have the wrong type, in the words of the model service."""

from collections.abc import Mapping
from typing import Any

from devhost.simulator.errors import bad_request

_TYPES: Mapping[str, tuple[type, ...]] = {
    "an integer": (int,),
    "a number": (int, float),
    "a boolean": (bool,),
    "a string": (str,),
    "an array": (list,),
    "an object": (dict,),
    "a string or an array": (str, list),
    "a string or an object": (str, dict),
}
_REFUSED_BY_REASONING = ("top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")

GENERATION: Mapping[str, str] = {
    "stream": "a boolean",
    "n": "an integer",
    "temperature": "a number",
    "top_p": "a number",
    "max_tokens": "an integer",
    "max_completion_tokens": "an integer",
    "max_output_tokens": "an integer",
    "stop": "a string or an array",
    "stream_options": "an object",
    "tools": "an array",
    "tool_choice": "a string or an object",
    "response_format": "an object",
    "seed": "an integer",
    "user": "a string",
    "service_tier": "a string",
    "reasoning_effort": "a string",
    "metadata": "an object",
    "reasoning": "an object",
    "text": "an object",
    "store": "a boolean",
    "background": "a boolean",
    "previous_response_id": "a string",
    "instructions": "a string",
}
_ELEMENTS: Mapping[str, type] = {"stop": str, "tools": dict}
_RANGES: Mapping[str, tuple[float, float]] = {
    "n": (1, 128),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_tokens": (1, 10_000_000),
    "max_completion_tokens": (1, 10_000_000),
    "max_output_tokens": (1, 10_000_000),
}


def check_types(body: Mapping[str, Any], expected: Mapping[str, str] = GENERATION) -> None:
    """Raise AzureError for the first field of the wrong type or out of range; null always passes."""
    for name, kind in expected.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "a boolean"):
            message = f"Invalid type for '{name}': expected {kind}, but got {_described(value)} instead."
            raise bad_request(message, name, "invalid_type")
        if isinstance(value, list) and not all(isinstance(each, _ELEMENTS.get(name, object)) for each in value):
            raise bad_request(f"Invalid type for an element of '{name}'.", name, "invalid_type")
        if name in _RANGES:
            low, high = _RANGES[name]
            if not low <= float(body[name]) <= high:
                raise bad_request(f"Invalid '{name}': {value} is not between {low} and {high}.", name, "invalid_value")


def check_stream_options(body: Mapping[str, Any]) -> None:
    if body.get("stream_options") is not None and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise bad_request(message, "stream_options")


def check_reasoning(body: Mapping[str, Any]) -> None:
    """Raise AzureError for what reasoning models refuse."""
    if body.get("max_tokens") is not None:
        raise _unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
    for name in _REFUSED_BY_REASONING:
        if body.get(name) not in (None, 0, 1, False):
            raise _unsupported(name)
    if body.get("temperature") not in (None, 1):
        message = f"Unsupported value: 'temperature' does not support {body['temperature']} with this model."
        raise bad_request(message, "temperature", "unsupported_value")


def required(body: Mapping[str, Any], name: str) -> Any:
    """Return the field. Raises AzureError when it is missing or null."""
    value = body.get(name)
    if value is None:
        raise bad_request(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    return value


def _unsupported(name: str, advice: str = "") -> Exception:
    message = f"Unsupported parameter: '{name}' is not supported with this model.{advice}"
    return bad_request(message, name, "unsupported_parameter")


def _described(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "an object")
