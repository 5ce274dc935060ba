"""One ASP.NET route template: literals, `{parameter}`, `{parameter:constraint}`, `{optional?}` and `{*rest}`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Self

_PARAMETER = re.compile(r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<constraints>(?::\w+(?:\([\d,]*\))?)*)(?P<optional>\??)\}")
_CONSTRAINT = re.compile(r":(\w+)(?:\(([\d,]*)\))?")
_PATTERNS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "bool": r"true|false",
    "alpha": r"[a-z]+",
    "guid": r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    "required": r"[^/]+",
}
_LENGTHS = {"length": "{%s}", "minlength": "{%s,}", "maxlength": "{1,%s}"}
_LITERAL, _NARROWED, _FREE, _REST = 1, 2, 3, 5


class RouteInvalid(Exception):
    """A template that the host would refuse, or one that this host does not understand."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part between slashes. `rank` is ASP.NET's: the lower, the more specific."""

    pattern: str
    rank: int
    text: str
    is_optional: bool = False

    @property
    def is_rest(self) -> bool:
        return self.rank == _REST

    @property
    def may_be_left_out(self) -> bool:
        return self.is_optional or self.is_rest

    def may_equal(self, other: "Segment") -> bool:
        """Whether some text fits both; two patterns are taken to overlap."""
        if self.rank == other.rank == _LITERAL:
            return self.text.lower() == other.text.lower()
        if other.rank == _LITERAL:
            return re.fullmatch(_anonymous(self.pattern), other.text, re.I) is not None
        return self.rank != _LITERAL or other.may_equal(self)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; `text` begins with a slash."""

    text: str
    segments: tuple[Segment, ...]
    regex: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises RouteInvalid."""
        parts = [part for part in text.split("/") if part]
        segments = tuple(_segment(part) for part in parts)
        if any(segment.is_rest for segment in segments[:-1]):
            raise RouteInvalid(f"The route '{text}' goes on after its catch-all parameter.")
        if any(a.is_optional and not b.is_optional and not b.is_rest for a, b in pairwise(segments)):
            raise RouteInvalid(f"The route '{text}' has an optional parameter before a required one.")
        try:
            regex = re.compile("".join(map(_pattern, segments)) + "/?", re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise RouteInvalid(f"The route '{text}' cannot be read: {error}.") from error
        return cls("/" + "/".join(parts), segments, regex)

    def match(self, path: str) -> Mapping[str, str] | None:
        """Return the parameters, or None where the path does not fit."""
        found = self.regex.fullmatch(path)
        if found is None:
            return None
        return {name: value for name, value in found.groupdict().items() if value}

    @property
    def is_literal(self) -> bool:
        return all(segment.rank == _LITERAL for segment in self.segments)

    @property
    def specificity(self) -> tuple[int, ...]:
        return tuple(segment.rank for segment in self.segments)

    def overlaps(self, other: "Template") -> bool:
        """Whether some path fits both."""
        for mine, theirs in zip_longest(self.segments, other.segments, fillvalue=_END):
            if mine.is_rest or theirs.is_rest:
                return True
            if mine is _END or theirs is _END or not mine.may_equal(theirs):
                return mine.may_be_left_out and theirs.may_be_left_out
        return True


_END = Segment("", _LITERAL, "", is_optional=True)


def _segment(part: str) -> Segment:
    whole = _PARAMETER.fullmatch(part)
    if whole is None:
        return _literal_or_mixed(part)
    name, constraints = whole["name"], whole["constraints"]
    if not whole["star"]:
        group = f"(?P<{name}>{_lookaheads(constraints)}[^/]+)"
        return Segment(group, _NARROWED if constraints else _FREE, part, bool(whole["optional"]))
    if constraints or whole["optional"]:
        raise RouteInvalid(f"The catch-all parameter '{part}' with a constraint is not supported by this host.")
    return Segment(f"(?P<{name}>.*)", _REST, part)


def _literal_or_mixed(part: str) -> Segment:
    pieces, at = [], 0
    for parameter in _PARAMETER.finditer(part):
        pieces.append(re.escape(part[at : parameter.start()]))
        pieces.append(f"(?P<{parameter['name']}>[^/]+?)")
        at = parameter.end()
        if parameter["star"] or parameter["constraints"] or parameter["optional"]:
            raise RouteInvalid(f"The route's segment '{part}' is not supported by this host.")
    rest = part[at:]
    if re.search(r"[{}]", _PARAMETER.sub("", part)):
        raise RouteInvalid(f"The route's segment '{part}' is not supported by this host.")
    return Segment("".join(pieces) + re.escape(rest), _NARROWED if pieces else _LITERAL, part)


def _lookaheads(constraints: str) -> str:
    looks = []
    for name, arguments in _CONSTRAINT.findall(constraints):
        if name in _PATTERNS:
            looks.append(f"(?=(?:{_PATTERNS[name]})(?:/|$))")
        elif name in _LENGTHS and arguments:
            looks.append(f"(?=[^/]{_LENGTHS[name] % arguments}(?:/|$))")
        else:
            raise RouteInvalid(f"The route constraint '{name}' is not supported by this host.")
    return "".join(looks)


def _pattern(segment: Segment) -> str:
    if segment.is_rest or segment.is_optional:
        return f"(?:/{segment.pattern})?"
    return f"/{segment.pattern}"


def _anonymous(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(", pattern)
