"""Reads expressions of Bicep from tokens."""

from tests.infra.lexer import SyntaxFault, Token
from tests.infra.syntax import (
    Array,
    Call,
    Choice,
    Function,
    If,
    Index,
    Literal,
    Loop,
    Member,
    Name,
    Node,
    Object,
    Operation,
    Property,
    Spread,
    Text,
)

_PRECEDENCE = {"??": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "=~": 4, "!~": 4, "<": 5, ">": 5, "<=": 5, ">=": 5} | {
    "+": 6,
    "-": 6,
    "*": 7,
    "/": 7,
    "%": 7,
}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class Expressions:
    """A position among tokens. Every method raises SyntaxFault where what it reads is not there."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._at]

    def ahead(self, count: int = 1) -> Token:
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.here
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def sees(self, *texts: str) -> bool:
        return self.here.kind in ("op", "name") and self.here.text in texts

    def accept(self, text: str) -> bool:
        if self.sees(text):
            self.take()
            return True
        return False

    def expect(self, text: str) -> Token:
        if not self.sees(text):
            raise SyntaxFault(self.here.line, f"expected '{text}', found {self._shown()}")
        return self.take()

    def identifier(self) -> str:
        if self.here.kind != "name":
            raise SyntaxFault(self.here.line, f"expected a name, found {self._shown()}")
        return self.take().text

    def skip_newlines(self) -> None:
        while self.here.kind == "newline":
            self.take()

    def _shown(self) -> str:
        return {"newline": "the end of the line", "string": "a string"}.get(self.here.kind, f"'{self.here.text}'")

    def expression(self) -> Node:
        condition = self._binary(0)
        if not self._across_lines("?"):
            return condition
        line = self.take().line
        self.skip_newlines()
        then = self.expression()
        self.skip_newlines()
        self.expect(":")
        self.skip_newlines()
        return Choice(line, condition, then, self.expression())

    def _across_lines(self, text: str) -> bool:
        """Whether `text` comes next, perhaps on a later line; only the parts of a choice may."""
        start = self._at
        self.skip_newlines()
        if self.sees(text):
            return True
        self._at = start
        return False

    def _binary(self, least: int) -> Node:
        left = self._unary()
        while self.here.kind == "op" and (precedence := _PRECEDENCE.get(self.here.text, 0)) > least:
            operator = self.take()
            if self.here.kind == "newline":
                raise SyntaxFault(
                    operator.line, f"an expression must not break after '{operator.text}': join the lines"
                )
            left = Operation(operator.line, operator.text, (left, self._binary(precedence)))
        return left

    def _unary(self) -> Node:
        if self.sees("!", "-"):
            operator = self.take()
            return Operation(operator.line, operator.text, (self._unary(),))
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        while self.sees(".", ".?", "::", "[", "!"):
            line, operator = self.here.line, self.take().text
            if operator == "[":
                safe = self.accept("?")
                node = Index(line, node, self.expression(), safe)
                self.expect("]")
            elif operator == "!":
                node = Operation(line, "!.", (node,))
            else:
                name = self.identifier()
                is_call = self.sees("(") and operator == "."
                node = (
                    Call(line, name, self._arguments(), node) if is_call else Member(line, node, name, operator == ".?")
                )
        return node

    def _primary(self) -> Node:
        token = self.here
        if token.kind == "string":
            return self.text()
        if token.kind == "number":
            return Literal(self.take().line, int(token.text))
        if token.kind == "name":
            return self._word()
        if self.sees("("):
            return self._parenthesis()
        if self.sees("{"):
            return self.object()
        if self.sees("["):
            return self._array()
        raise SyntaxFault(token.line, f"expected an expression, found {self._shown()}")

    def text(self) -> Text:
        """Read a string."""
        if self.here.kind != "string":
            raise SyntaxFault(self.here.line, f"expected a string, found {self._shown()}")
        token = self.take()
        return Text(token.line, tuple(part if isinstance(part, str) else _inside(part) for part in token.parts))

    def _word(self) -> Node:
        token = self.take()
        if token.text in _WORDS:
            return Literal(token.line, _WORDS[token.text])
        if self.sees("=>"):
            return self._function(token.line, (token.text,))
        if self.sees("("):
            return Call(token.line, token.text, self._arguments())
        return Name(token.line, token.text)

    def _function(self, line: int, parameters: tuple[str, ...]) -> Function:
        self.expect("=>")
        self.skip_newlines()
        return Function(line, parameters, self.expression())

    def _parenthesis(self) -> Node:
        if parameters := self._lambda_parameters():
            return self._function(self.here.line, parameters[0])
        self.expect("(")
        self.skip_newlines()
        inner = self.expression()
        self.skip_newlines()
        self.expect(")")
        return inner

    def _lambda_parameters(self) -> tuple[tuple[str, ...]] | None:
        """Take `(a, b)` where `=>` follows; the parameters are wrapped, as there may be none."""
        start, names = self._at, list[str]()
        self.take()
        while self.here.kind == "name":
            names.append(self.take().text)
            if not self.accept(","):
                break
        if self.accept(")") and self.sees("=>"):
            return (tuple(names),)
        self._at = start
        return None

    def _arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        found = []
        self.skip_newlines()
        while not self.sees(")"):
            found.append(self.expression())
            self.skip_newlines()
            if not self.sees(")"):
                self.expect(",")
                self.skip_newlines()
        self.expect(")")
        return tuple(found)

    def object(self) -> Object:
        """Read `{ … }`, its properties on lines of their own or behind commas."""
        line = self.expect("{").line
        found: list[Node] = []
        self._separators()
        while not self.sees("}"):
            found.append(self.property())
            self._end_of_item("}")
        self.expect("}")
        return Object(line, tuple(found))

    def _separators(self) -> None:
        while self.here.kind == "newline" or self.sees(","):
            self.take()

    def _end_of_item(self, closing: str) -> None:
        if self.here.kind != "newline" and not self.sees(",", closing):
            raise SyntaxFault(self.here.line, f"expected a new line or ',', found {self._shown()}")
        self._separators()

    def property(self) -> Node:
        """Read one property of an object; resources override it for nested ones."""
        line = self.here.line
        if self.accept("..."):
            return Spread(line, self.expression())
        key = self.key()
        self.expect(":")
        self.skip_newlines()
        return Property(line, key, self.value())

    def key(self) -> str | Node:
        """Read a property's key."""
        if self.here.kind == "string":
            text = self.text()
            return text if text.literal is None else text.literal
        return self.identifier()

    def value(self) -> Node:
        """Read a value, or `if (…) { … }` where a loop or declaration may have it."""
        if self.sees("if") and self.ahead().text == "(":
            line = self.take().line
            self.expect("(")
            condition = self.expression()
            self.expect(")")
            return If(line, condition, self.object())
        return self.expression()

    def _array(self) -> Node:
        line = self.expect("[").line
        self.skip_newlines()
        if self.sees("for") and (self.ahead().kind == "name" or self.ahead().text == "("):
            return self._loop(line)
        found: list[Node] = []
        while not self.sees("]"):
            start = self.here.line
            found.append(Spread(start, self.expression()) if self.accept("...") else self.expression())
            self._end_of_item("]")
        self.expect("]")
        return Array(line, tuple(found))

    def _loop(self, line: int) -> Loop:
        self.expect("for")
        index = None
        if self.accept("("):
            item = self.identifier()
            self.expect(",")
            index = self.identifier()
            self.expect(")")
        else:
            item = self.identifier()
        self.expect("in")
        over = self.expression()
        self.expect(":")
        self.skip_newlines()
        body = self.value()
        self.skip_newlines()
        self.expect("]")
        return Loop(line, item, index, over, body)


def _inside(tokens: tuple[Token, ...]) -> Node:
    reader = Expressions(tokens)
    node = reader.expression()
    if reader.here.kind != "end":
        raise SyntaxFault(reader.here.line, f"'{reader.here.text}' is not expected inside ${{…}}")
    return node
