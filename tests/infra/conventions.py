"""What this repository asks of its templates beyond the language: descriptions, no secret that leaves, nothing unused."""

import re
from collections.abc import Iterator

from tests.infra.inference import Scope
from tests.infra.syntax import Call, Declaration, Member, Name, NamedType, Node, Text

_SECRETIVE = re.compile(r"key$|keys$|secret|password|connectionstring|token|pepper|sastoken|credential", re.IGNORECASE)
_POINTS = re.compile(r"(Name|Id|Uri|Url|Ref|Reference)s?$")
_READS_SECRETS = re.compile(r"list[A-Z]\w*$|list$|getSecret$")


def conventions(scope: Scope) -> Iterator[tuple[int, str]]:
    """Yield what goes against the conventions."""
    yield from _undescribed(scope)
    yield from _unused(scope)
    yield from _revealing(scope)
    yield from _loading(scope)


def _undescribed(scope: Scope) -> Iterator[tuple[int, str]]:
    for each in scope.template.declarations:
        if each.kind in ("param", "output") or (each.kind in ("type", "func") and each.decorator("export")):
            text = each.decorator("description")
            words = text.arguments[0] if text and text.arguments else None
            if not isinstance(words, Text) or not (words.literal or "x").strip():
                yield each.line, f"{each.kind} {each.name} is not described: put @description('…') above it"


def _unused(scope: Scope) -> Iterator[tuple[int, str]]:
    used = {name for each in scope.template.declarations for name in _names(each)}
    for each in scope.template.declarations:
        is_offered = each.kind == "var" and each.decorator("export")
        if each.kind in ("param", "var") and each.name not in used and not is_offered:
            yield each.line, f"{each.kind} {each.name} is never used: remove it, or use it"
        if each.kind == "import":
            for _, here in each.imported:
                if here not in used:
                    yield each.line, f"'{here}' is imported and never used: remove it"


def _names(declaration: Declaration) -> Iterator[str]:
    for node in declaration.walk():
        match node:
            case Name(name=name):
                yield name
            case NamedType(path=path):
                yield path[0]
            case Call(function=function):
                yield function


def _revealing(scope: Scope) -> Iterator[tuple[int, str]]:
    secure = {name for name, each in scope.template.of("param").items() if each.decorator("secure")}
    for name, each in scope.template.of("output").items():
        if each.decorator("secure") or (_SECRETIVE.search(name) and not _POINTS.search(name)):
            yield each.line, f"output {name} looks like a secret: let who needs it read it from the vault instead"
        for node in each.walk():
            yield from _reveals(node, name, secure)
    for name, each in scope.template.of("param").items():
        if each.decorator("secure") and isinstance(each.value, Text) and each.value.literal:
            yield each.line, f"param {name} is secure and has a default that everybody can read: remove the default"


def _loading(scope: Scope) -> Iterator[tuple[int, str]]:
    for name, each in scope.template.of("param").items():
        for node in each.walk():
            if isinstance(node, Call) and node.function.startswith("load"):
                yield (
                    node.line,
                    f"param {name} has a file as its default, which becomes a variable: make it optional, and use ?? below",
                )


def _reveals(node: Node, output: str, secure: set[str]) -> Iterator[tuple[int, str]]:
    if isinstance(node, Name) and node.name in secure:
        yield node.line, f"output {output} gives the secure parameter '{node.name}' away: remove it"
    elif isinstance(node, Call) and _READS_SECRETS.match(node.function):
        yield node.line, f"output {output} gives away what {node.function}() reads: remove it"
    elif isinstance(node, Member) and node.name in ("primaryKey", "connectionString", "primaryConnectionString"):
        yield node.line, f"output {output} gives '{node.name}' away: remove it"
