"""The annotations of Azure's content filter."""

from typing import Any

_SAFE = {"filtered": False, "severity": "safe"}
_UNDETECTED = {"filtered": False, "detected": False}
_CATEGORIES = ("hate", "self_harm", "sexual", "violence")


def safe_prompt() -> dict[str, Any]:
    return {**dict.fromkeys(_CATEGORIES, _SAFE), "jailbreak": _UNDETECTED}


def prompt_results() -> list[dict[str, Any]]:
    return [{"prompt_index": 0, "content_filter_results": safe_prompt()}]


def safe_completion() -> dict[str, Any]:
    return {
        **dict.fromkeys(_CATEGORIES, _SAFE),
        "protected_material_code": _UNDETECTED,
        "protected_material_text": _UNDETECTED,
    }


def blocked_completion() -> dict[str, Any]:
    return {**safe_completion(), "violence": {"filtered": True, "severity": "medium"}}


def blocked_prompt() -> dict[str, Any]:
    """The error of a prompt that the filter refused."""
    return {
        "message": "The prompt triggered the content management policy. Change it and try again.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {**safe_prompt(), "hate": {"filtered": True, "severity": "high"}},
        },
    }
