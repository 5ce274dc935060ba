"""What one call has reserved of everything that is counted, and how it gives account of it at its end."""

from dataclasses import dataclass, field

from shared.leases.lease import Taken
from shared.policy.model import CountRule


@dataclass(slots=True)
class Reservation:
    """`output` is how many output tokens are provided for; each of them costs `output_nano` nano-units of money."""

    taken: list[tuple[CountRule, Taken]] = field(default_factory=list)
    output: int = 0
    output_nano: int = 0

    def grow(self, output: int) -> None:
        """Reserve more: `output` tokens have come already. Half as much again is provided for, so that this is rare."""
        if output <= self.output:
            return
        more = output * 3 // 2 - self.output
        self.output += more
        for rule, taken in self.taken:
            if rule.unit == "tokens":
                taken.extend(more)
            elif rule.unit == "money":
                taken.extend(more * self.output_nano)

    def settle(self, tokens: int | None, money: int | None) -> None:
        """The call was made and used this much; None stands for what was reserved. A second time does nothing."""
        for rule, taken in self.taken:
            actual = {"requests": taken.amount, "calls": 0, "tokens": tokens, "money": money}[rule.unit]
            taken.settle(taken.amount if actual is None else actual)
        self.taken.clear()

    def end_call(self) -> None:
        """The answer has ended: another call may take its place, whatever there is still to be reckoned."""
        for rule, taken in self.taken:
            if rule.unit == "calls":
                taken.settle(0)
        self.taken = [(rule, taken) for rule, taken in self.taken if rule.unit != "calls"]

    def release(self) -> None:
        """The call was not made: everything goes back."""
        for _, taken in self.taken:
            taken.release()
        self.taken.clear()
