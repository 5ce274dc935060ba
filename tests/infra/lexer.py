"""Cuts Bicep into tokens; strings carry the tokens of what they interpolate."""

import re
from dataclasses import dataclass


class SyntaxFault(Exception):
    """The text is no Bicep at `line`."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        self.message = message
        super().__init__(f"{line}: {message}")


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, number, string, op, newline or end; `parts` are a string's texts and the tokens of its interpolations."""

    kind: str
    text: str
    line: int
    starts_line: bool = False
    parts: tuple["str | tuple[Token, ...]", ...] = ()


_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|//[^\n]*|/\*[\s\S]*?\*/|\#(?:disable|restore)[^\n]*)"
    r"|(?P<newline>\n)|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)|(?P<quote>\$?'''|')"
    r"|(?P<op>\.\.\.|=>|==|!=|=~|!~|<=|>=|&&|\|\||\?\?|\.\?|::|[-+*/%!<>=?:.,(){}\[\]@|])"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", "$": "$"}


def tokens(source: str) -> tuple[Token, ...]:
    """Return the tokens, the last one of kind `end`. Raises SyntaxFault."""
    lexer = _Lexer(source)
    found = lexer.until_end()
    return (*found, Token("end", "the end of the file", lexer.line, True))


class _Lexer:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self.line = 1

    def until_end(self) -> list[Token]:
        found = []
        while self._at < len(self._source):
            token = self._next()
            if token is not None:
                found.append(token)
        return found

    def _next(self) -> Token | None:
        starts_line = self._at == 0 or self._source[self._at - 1] == "\n"
        match = _TOKEN.match(self._source, self._at)
        if match is None:
            raise SyntaxFault(self.line, f"{self._source[self._at]!r} is no part of the language")
        line, kind, text = self.line, str(match.lastgroup), match[0]
        self._at = match.end()
        self.line += text.count("\n")
        if kind == "space":
            return None
        if kind == "quote":
            return Token("string", text, line, starts_line, self._string(text))
        return Token(kind, text, line, starts_line)

    def _string(self, quote: str) -> tuple[str | tuple[Token, ...], ...]:
        if quote == "'''":
            return (self._verbatim(),)
        parts: list[str | tuple[Token, ...]] = [""]
        end = "'''" if quote.startswith("$") else "'"
        opened = self.line
        while not self._source.startswith(end, self._at):
            if self._at >= len(self._source) or (end == "'" and self._source[self._at] == "\n"):
                raise SyntaxFault(opened, "the string is not closed on its line: add the missing quote")
            if self._source.startswith("${", self._at):
                parts += [self._interpolation(), ""]
            else:
                parts[-1] = str(parts[-1]) + self._character(escapes=end == "'")
        self._at += len(end)
        return tuple(part for part in parts if part)

    def _verbatim(self) -> str:
        end = self._source.find("'''", self._at)
        if end < 0:
            raise SyntaxFault(self.line, "the string is not closed: add the missing '''")
        text = self._source[self._at : end]
        self._at = end + 3
        self.line += text.count("\n")
        return text.removeprefix("\n")

    def _character(self, *, escapes: bool) -> str:
        character = self._source[self._at]
        self._at += 1
        self.line += character == "\n"
        if character != "\\" or not escapes:
            return character
        escaped = self._source[self._at]
        self._at += 1
        if escaped == "u":
            end = self._source.index("}", self._at)
            code, self._at = self._source[self._at + 1 : end], end + 1
            return chr(int(code, 16))
        if escaped not in _ESCAPES:
            raise SyntaxFault(self.line, f"\\{escaped} is no escape of Bicep: write \\\\{escaped}")
        return _ESCAPES[escaped]

    def _interpolation(self) -> tuple[Token, ...]:
        self._at += 2
        found: list[Token] = []
        depth = 0
        while self._at < len(self._source):
            token = self._next()
            if token is None:
                continue
            depth += {"{": 1, "}": -1}.get(token.text, 0) if token.kind == "op" else 0
            if depth < 0:
                return (*found, Token("end", "the end of ${…}", token.line))
            found.append(token)
        raise SyntaxFault(self.line, "an interpolation is not closed: add the missing }")
