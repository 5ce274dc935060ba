"""Everything that ends a command early, told in lines that name the field."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is to be mended; `field` is empty where no field can mend it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class CommandFailed(Exception):
    """Told on stderr, one line for each mistake. The texts never hold a secret."""

    exit_code = 1

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class Refused(CommandFailed):
    """The gateway said no, or said something that the client does not understand."""

    def placed(self, place: Callable[[str], str]) -> "Refused":
        """Return the same refusal with each field written as `place` has it."""
        return Refused([Mistake(place(item.field), item.message) for item in self.mistakes])


class Unreachable(CommandFailed):
    """No answer came. What was asked for may have been done all the same."""


class Misused(CommandFailed):
    """The command line, the environment or a file says what it must not say."""

    exit_code = 2


def refused(message: str, field: str = "") -> Refused:
    return Refused([Mistake(field, message)])


def misused(field: str, message: str) -> Misused:
    return Misused([Mistake(field, message)])
