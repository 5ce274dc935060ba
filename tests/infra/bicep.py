"""Reads .bicep and .bicepparam files: declarations and types, after the published grammar of the language."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.infra.lexer import SyntaxFault, Token, tokens
from tests.infra.syntax import (
    Call,
    Declaration,
    Node,
    Property,
)
from tests.infra.type_reader import Types

KEYWORDS = (
    "metadata",
    "targetScope",
    "param",
    "var",
    "output",
    "type",
    "func",
    "resource",
    "module",
    "import",
    "using",
    "extends",
    "assert",
)


@dataclass(frozen=True, slots=True)
class Template:
    """A file that was read: what it declares, and where it is no Bicep."""

    path: Path
    declarations: tuple[Declaration, ...]
    faults: tuple[SyntaxFault, ...] = ()

    def of(self, kind: str) -> dict[str, Declaration]:
        """The declarations of a kind, by name."""
        return {each.name: each for each in self.declarations if each.kind == kind}

    @property
    def is_parameters(self) -> bool:
        """Whether the file holds the parameters of a deployment."""
        return self.path.suffix == ".bicepparam"


def read(path: Path) -> Template:
    """Read a file. What cannot be read is among the faults, with the rest read all the same."""
    try:
        found = tokens(path.read_text(encoding="utf-8"))
    except SyntaxFault as fault:
        return Template(path, (), (fault,))
    return _Reader(found).template(path)


class _Reader(Types):
    def template(self, path: Path) -> Template:
        declarations, faults = list[Declaration](), list[SyntaxFault]()
        self.skip_newlines()
        while self.here.kind != "end":
            try:
                declarations.append(self.declaration())
                if self.here.kind not in ("newline", "end"):
                    raise SyntaxFault(self.here.line, f"expected the end of the line, found '{self.here.text}'")
            except SyntaxFault as fault:
                faults.append(fault)
                self._recover()
            self.skip_newlines()
        return Template(path, tuple(declarations), tuple(faults))

    def _recover(self) -> None:
        while not (self.here.kind == "end" or self._begins_declaration(self.here)):
            self.take()

    def _begins_declaration(self, token: Token) -> bool:
        return token.starts_line and (token.text in KEYWORDS or token.text == "@") and token is not self._faulty

    _faulty: Token | None = None

    def declaration(self) -> Declaration:
        self._faulty = self.here
        decorators = self.decorators()
        line, keyword = self.here.line, self.identifier()
        if keyword not in KEYWORDS:
            raise SyntaxFault(line, f"'{keyword}' begins no declaration; one of {', '.join(KEYWORDS)} does")
        read: Callable[[int, tuple[Call, ...]], Declaration] = getattr(self, f"_{keyword.lower()}")
        return read(line, decorators)

    def _named(self, kind: str, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name = self.identifier()
        self.expect("=")
        return Declaration(line, kind, name, decorators, value=self.value())

    def _metadata(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        return self._named("metadata", line, decorators)

    def _assert(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        return self._named("assert", line, decorators)

    def _var(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name = self.identifier()
        type_ = None if self.sees("=") else self.type()
        self.expect("=")
        return Declaration(line, "var", name, decorators, type_, self.value())

    def _targetscope(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        self.expect("=")
        return Declaration(line, "targetScope", "targetScope", decorators, value=self.text())

    def _param(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name = self.identifier()
        type_ = None if self.sees("=") else self.type()
        value = self.expression() if self.accept("=") else None
        return Declaration(line, "param", name, decorators, type_, value)

    def _output(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name, type_ = self.identifier(), self.type()
        self.expect("=")
        return Declaration(line, "output", name, decorators, type_, self.value())

    def _type(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name = self.identifier()
        self.expect("=")
        self.skip_newlines()
        return Declaration(line, "type", name, decorators, self.type())

    def _func(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name, parameters = self.identifier(), []
        self.expect("(")
        self.skip_newlines()
        while not self.sees(")"):
            parameters.append(Property(self.here.line, self.identifier(), self.type()))
            self._between_parameters()
        self.expect(")")
        type_ = self.type()
        self.expect("=>")
        self.skip_newlines()
        return Declaration(line, "func", name, decorators, type_, self.expression(), parameters=tuple(parameters))

    def _between_parameters(self) -> None:
        self.skip_newlines()
        if not self.sees(")"):
            self.expect(",")
            self.skip_newlines()

    def _resource(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name, reference = self.identifier(), self.text().literal or ""
        existing = self.accept("existing")
        self.expect("=")
        return Declaration(line, "resource", name, decorators, None, self.value(), reference, existing)

    def _module(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        name, reference = self.identifier(), self.text().literal or ""
        self.expect("=")
        return Declaration(line, "module", name, decorators, None, self.value(), reference)

    def _using(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        reference = "" if self.accept("none") else self.text().literal or ""
        return Declaration(line, "using", "using", decorators, reference=reference)

    def _extends(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        return Declaration(line, "extends", "extends", decorators, reference=self.text().literal or "")

    def _import(self, line: int, decorators: tuple[Call, ...]) -> Declaration:
        imported = [("*", "")] if self.accept("*") else self._imported()
        if imported == [("*", "")]:
            self.expect("as")
            imported = [("*", self.identifier())]
        self.expect("from")
        reference = self.text().literal or ""
        name = f"{reference}:{line}"
        return Declaration(line, "import", name, decorators, reference=reference, imported=tuple(imported))

    def _imported(self) -> list[tuple[str, str]]:
        found = []
        self.expect("{")
        self._separators()
        while not self.sees("}"):
            name = self.identifier()
            found.append((name, self.identifier() if self.accept("as") else name))
            self._end_of_item("}")
        self.expect("}")
        return found

    def property(self) -> Node:
        """Read a property, or the resource that is declared inside another."""
        if self.sees("@") or (self.sees("resource") and self.ahead().kind == "name"):
            return self.declaration()
        return super().property()
