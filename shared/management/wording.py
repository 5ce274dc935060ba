"""What pydantic finds, in words that say what is allowed instead."""

from collections.abc import Mapping
from typing import Any

from pydantic import StringConstraints

from shared.directory import model
from shared.fields import Alias, EndpointGlob, KeyId, Label, Name, UserName
from shared.management.kinds import Month, Once

_ID = "letters, digits, underscores and hyphens, at most 60"
_NAME = "letters, digits, dots, underscores and hyphens, at most 64, and must begin with a letter or digit"


def _pattern(annotation: Any) -> str:
    (constraints,) = (item for item in annotation.__metadata__ if isinstance(item, StringConstraints))
    return str(constraints.pattern)


_ALLOWED: Mapping[str, str] = {
    _pattern(Name): f"takes {_NAME}",
    _pattern(UserName): "takes letters, digits and . _ @ + -, at most 128, and must begin with a letter or digit",
    _pattern(Label): "takes text without control characters",
    _pattern(Alias): "takes letters, digits and . _ : -, and * ? [ ] for a pattern, at most 100",
    _pattern(EndpointGlob): "takes the name of an endpoint such as chat.completions, with * for any part of it",
    _pattern(Month): "must be a month such as 2026-11",
    _pattern(Once): "takes letters, digits and . _ : -, 8 to 100 of them",
    _pattern(KeyId): f"must be vk_ and then {_ID}",
    _pattern(model.Owner): "must be teams/NAME, teams/NAME/applications/NAME or teams/NAME/users/NAME",
    _pattern(
        model.Scope
    ): "must be organization, areas/NAME, teams/NAME, teams/NAME/applications/NAME, teams/NAME/users/NAME or keys/ID",
    r"^pol_[A-Za-z0-9_-]{1,60}$": f"must be pol_ and then {_ID}",
    r"^bud_[A-Za-z0-9_-]{1,60}$": f"must be bud_ and then {_ID}",
}


def sentence(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """Return what is to be told of an error of a `kind`; `context` is what pydantic has beside its own message."""
    if kind == "string_pattern_mismatch":
        return _ALLOWED.get(str(context.get("pattern")), "has a character or a form that is not allowed here")
    return message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "is not a known field")
