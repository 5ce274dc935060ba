"""Reads the members of a request that say how much is to be produced: largest output, number of choices."""

from shared.errors import BadRequest
from shared.gateway.call import Json
from shared.wire.openai.endpoints import Meter

OUTPUT_MEMBERS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
NUMBERS = (*OUTPUT_MEMBERS, "n", "best_of")
MOST = 10**9
"""No more than this is foreseen of anything, so that no sum gets out of hand."""

_OBEYED = {
    Meter.CHAT: ("max_completion_tokens", "max_tokens"),
    Meter.COMPLETION: ("max_tokens",),
    Meter.RESPONSE: ("max_output_tokens",),
}


def refuse_no_number(body: Json) -> None:
    """Raise BadRequest where one of the members is no positive integer: nobody knows what an upstream makes of it."""
    name = wrong_member(body)
    if name is not None:
        raise BadRequest(f"`{name}` must be a positive integer.", param=name, code="invalid_value")


def wrong_member(body: Json) -> str | None:
    for name in NUMBERS:
        value = body.get(name)
        if value is not None and positive(value) is None:
            return name
    return None


def positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def obeyed(body: Json, meter: Meter) -> dict[str, int]:
    """Return the limits of the output that this endpoint goes by."""
    return {name: value for name in _OBEYED.get(meter, ()) if (value := positive(body.get(name))) is not None}


def asked(body: Json) -> dict[str, int]:
    """Return all limits of the output, whether this endpoint goes by them or not."""
    return {name: value for name in OUTPUT_MEMBERS if (value := positive(body.get(name))) is not None}


def choices(body: Json) -> int:
    """Return how many answers are made of one prompt."""
    return max(positive(body.get("n")) or 1, positive(body.get("best_of")) or 1)


def prompts(body: Json) -> int:
    """Return how many prompts a legacy completion answers: each text, or each list of tokens, is one."""
    listed = body.get("prompt")
    return max(1, sum(isinstance(each, str | list) for each in listed)) if isinstance(listed, list) else 1


def pictures_of_form(value: str | None) -> int:
    """Return the field `n` of a form. Raises BadRequest."""
    if value is None or not value:
        return 1
    number = value.lstrip("0")
    if not (number.isdecimal() and number.isascii() and len(number) < 10):
        raise BadRequest("`n` must be a positive integer.", param="n", code="invalid_value")
    return int(number)
