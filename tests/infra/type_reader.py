"""Reads types of Bicep from tokens."""

from tests.infra.expressions import Expressions
from tests.infra.lexer import SyntaxFault
from tests.infra.syntax import (
    ArrayType,
    Call,
    LiteralType,
    NamedType,
    Node,
    NullableType,
    ObjectType,
    Property,
    ResourceType,
    TupleType,
    UnionType,
)

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class Types(Expressions):
    """A position among tokens where types may be read too."""

    def decorators(self) -> tuple[Call, ...]:
        found = []
        while self.accept("@"):
            call = self.expression()
            if not isinstance(call, Call):
                raise SyntaxFault(call.line, "a decorator is a call, such as @description('…')")
            found.append(call)
            self.skip_newlines()
        return tuple(found)

    def type(self) -> Node:
        """Read a type."""
        line = self.here.line
        self.accept("|")
        options = [self._type_item()]
        while self._across_lines("|"):
            self.take()
            self.skip_newlines()
            options.append(self._type_item())
        return options[0] if len(options) == 1 else UnionType(line, tuple(options))

    def _type_item(self) -> Node:
        node = self._type_primary()
        while self.sees("?") or (self.sees("[") and self.ahead().text == "]"):
            line = self.here.line
            if self.accept("?"):
                node = NullableType(line, node)
            else:
                self.take()
                self.take()
                node = ArrayType(line, node)
        return node

    def _type_primary(self) -> Node:
        token = self.here
        if self.accept("("):
            self.skip_newlines()
            inner = self.type()
            self.skip_newlines()
            self.expect(")")
            return inner
        if token.kind == "string":
            return LiteralType(token.line, self.text().literal or "")
        if self.accept("-") or token.kind == "number":
            number = int(self.take().text)
            return LiteralType(token.line, number if token.kind == "number" else -number)
        if self.sees("{"):
            return self._object_type()
        return self._tuple_type() if self.sees("[") else self._type_name()

    def _type_name(self) -> Node:
        line, name = self.here.line, self.identifier()
        if name in _WORDS:
            return LiteralType(line, _WORDS[name])
        if name in ("resourceInput", "resourceOutput", "resourceDerived") and self.accept("<"):
            reference = self.text().literal or ""
            self.expect(">")
            return ResourceType(line, name, reference, self._type_path())
        return NamedType(line, (name, *self._type_path()))

    def _type_path(self) -> tuple[str, ...]:
        path = []
        while self.sees(".") or (self.sees("[") and self.ahead().text == "*"):
            if self.accept("."):
                path.append(self.identifier())
            else:
                self.take()
                path.append(self.take().text)
                self.expect("]")
        return tuple(path)

    def _object_type(self) -> ObjectType:
        line, found = self.expect("{").line, []
        self._separators()
        while not self.sees("}"):
            decorators = self.decorators()
            start, key = self.here.line, self._type_key()
            self.expect(":")
            self.skip_newlines()
            found.append(Property(start, key, self.type(), decorators))
            self._end_of_item("}")
        self.expect("}")
        return ObjectType(line, tuple(found))

    def _type_key(self) -> str:
        if self.accept("*"):
            return "*"
        key = self.key()
        return key if isinstance(key, str) else ""

    def _tuple_type(self) -> TupleType:
        line, found = self.expect("[").line, []
        self.skip_newlines()
        while not self.sees("]"):
            self.decorators()
            found.append(self.type())
            self._end_of_item("]")
        self.expect("]")
        return TupleType(line, tuple(found))
