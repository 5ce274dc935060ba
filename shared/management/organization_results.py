"""What each of OpenAI's usage endpoints tells of a group, and how an amount is written without ever being a float."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from shared.ledger.model import Sums
from shared.management.organization_figures import IMAGE_SOURCES, Group
from shared.management.organization_query import Offer
from shared.money import amount, text_of

_WIDTHS = ("1m", "1h", "1d")
_BY_CALLER = ("project_id", "user_id", "api_key_id", "model")
_OF_CALLERS = ("project_ids", "user_ids", "api_key_ids", "models")
_ORDINARY = Offer(_WIDTHS, _BY_CALLER, _OF_CALLERS)
_OF_PROJECTS = Offer(_WIDTHS, ("project_id",), ("project_ids",))

type Tell = Callable[[Sums], dict[str, int]]


@dataclass(frozen=True, slots=True)
class Category:
    """One endpoint: the gateway's endpoints that count there, and how their sums are told."""

    offer: Offer
    endpoints: Collection[str]
    tell: Tell


def usage_result(name: str, group: Group, sums: Sums) -> dict[str, object] | None:
    """Return a result, or None where nothing was used, as where every call was refused."""
    category = CATEGORIES[name]
    told = category.tell(sums)
    if not any(told.values()):
        return None
    return {
        "object": f"organization.usage.{name}.result",
        **told,
        **dict(zip(category.offer.group_by, group, strict=True)),
    }


def amount_of(nanos: int | None, currency: str, *, is_unknown: bool) -> dict[str, object]:
    """Return an amount whose value is a JSON number with every digit that it has; null where no price is known."""
    value = None if is_unknown else orjson.Fragment(text_of(amount(nanos or 0)))
    return {"value": value, "currency": currency}


def _requests(sums: Sums) -> int:
    """Calls that a model was asked: neither those that the gateway refused, nor those that came too fast."""
    return sums.get("requests", 0) - sums.get("errors.refused", 0) - sums.get("errors.rate_limited", 0)


def _tokens(sums: Sums, *names: str) -> int:
    return sum(sums.get(f"tokens.{name}", 0) for name in names)


def _input(sums: Sums) -> int:
    return _tokens(sums, "input_fresh", "input_cached", "input_cache_write", "input_audio", "input_image")


def _completions(sums: Sums) -> dict[str, int]:
    return {
        "input_tokens": _input(sums),
        "output_tokens": _tokens(sums, "output_text", "output_reasoning", "output_audio", "output_image"),
        "input_cached_tokens": _tokens(sums, "input_cached"),
        "input_uncached_tokens": _tokens(sums, "input_fresh", "input_audio", "input_image"),
        "input_cache_write_tokens": _tokens(sums, "input_cache_write"),
        "input_text_tokens": _tokens(sums, "input_fresh"),
        "input_audio_tokens": _tokens(sums, "input_audio"),
        "input_image_tokens": _tokens(sums, "input_image"),
        "output_text_tokens": _tokens(sums, "output_text", "output_reasoning"),
        "output_audio_tokens": _tokens(sums, "output_audio"),
        "output_image_tokens": _tokens(sums, "output_image"),
        "num_model_requests": _requests(sums),
    }


def _prompts(sums: Sums) -> dict[str, int]:
    return {"input_tokens": _input(sums), "num_model_requests": _requests(sums)}


def _pictures(sums: Sums) -> dict[str, int]:
    return {"images": sums.get("units.images", 0), "num_model_requests": _requests(sums)}


def _speeches(sums: Sums) -> dict[str, int]:
    return {"characters": sums.get("units.characters", 0), "num_model_requests": _requests(sums)}


def _transcriptions(sums: Sums) -> dict[str, int]:
    """Milliseconds become seconds once, in the sum, rounded half up."""
    return {"seconds": (sums.get("units.audio_ms", 0) + 500) // 1000, "num_model_requests": _requests(sums)}


def _sessions(sums: Sums) -> dict[str, int]:
    failed = sum(number for name, number in sums.items() if name.startswith("errors."))
    return {"num_sessions": sums.get("requests", 0) - failed}


def _nothing(sums: Sums) -> dict[str, int]:
    """Bytes in vector stores are the provider's to measure: no figure is better than a wrong one."""
    return {}


CATEGORIES: Mapping[str, Category] = MappingProxyType(
    {
        "completions": Category(
            Offer(_WIDTHS, (*_BY_CALLER, "batch", "service_tier"), _OF_CALLERS, takes_batch=True),
            ("chat.completions", "completions", "responses", "responses.compact", "batches"),
            _completions,
        ),
        "embeddings": Category(_ORDINARY, ("embeddings",), _prompts),
        "moderations": Category(_ORDINARY, ("moderations",), _prompts),
        "images": Category(
            Offer(_WIDTHS, (*_BY_CALLER, "source"), (*_OF_CALLERS, "sources")), tuple(IMAGE_SOURCES), _pictures
        ),
        "audio_speeches": Category(_ORDINARY, ("audio.speech",), _speeches),
        "audio_transcriptions": Category(_ORDINARY, ("audio.transcriptions", "audio.translations"), _transcriptions),
        "vector_stores": Category(_OF_PROJECTS, (), _nothing),
        "code_interpreter_sessions": Category(_OF_PROJECTS, ("containers.create",), _sessions),
    }
)
