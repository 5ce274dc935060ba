"""How often the classifier of sessions is right, on traces made up with known labels: `python -m tests.load.sessions`.

The traces are synthetic: they say how well the classifier finds the patterns that its makers thought of, in noise, and nothing of what
people really do. The seeds that the weights were fitted to are not among those that are measured.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.sessions.classify import classify
from shared.sessions.features import Tally
from shared.sessions.model import Label, Step
from shared.sessions.runs import Runs
from tests.load.session_traces import EACH, traces

FITTED_SEEDS, MEASURED_SEEDS = range(10), range(1000, 1010)
NOISE = (1, 3, 6)
"""How much clients hide and calls go wrong. At 6, nine of ten hide what they are, and three of ten traces have no counts at all."""

ZONE = "Europe/Berlin"


def tally_of(steps: Sequence[Step]) -> Tally:
    """Return the run that most of the calls of a trace fall into."""
    runs = Runs(ZONE)
    found = [tally for step in steps for tally in runs.add(step)] + list(runs.finish())
    return max(found, key=lambda tally: tally.calls)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Counts by true and found label, and by kind of trace."""

    found: Counter[tuple[Label, Label]]
    right: Counter[str]
    seen: Counter[str]

    @property
    def share(self) -> float:
        return sum(self.right.values()) / max(sum(self.seen.values()), 1)

    def recall(self, label: Label) -> float:
        return self.found[label, label] / max(sum(self.found[label, other] for other in Label), 1)

    def precision(self, label: Label) -> float:
        return self.found[label, label] / max(sum(self.found[other, label] for other in Label), 1)


def measure(seeds: Sequence[int], each: int = EACH, noise: float = 1) -> Accuracy:
    found: Counter[tuple[Label, Label]] = Counter()
    right: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for seed in seeds:
        for kind, steps in traces(seed, each, noise):
            tally = tally_of(steps)
            label = classify(tally.features(), tally.calls).label
            found[kind.label, label] += 1
            seen[kind.name] += 1
            right[kind.name] += label is kind.label
    return Accuracy(found, right, seen)


def report(accuracy: Accuracy) -> str:
    """Write the figures as the documentation shows them."""
    lines = [
        f"right: {accuracy.share:.1%} of {sum(accuracy.seen.values())} traces",
        "",
        "true \\ found      " + "".join(f"{label:>13}" for label in Label),
    ]
    lines += [f"{true:<18}" + "".join(f"{accuracy.found[true, label]:>13}" for label in Label) for true in Label]
    lines += [
        "",
        *(
            f"{label:<18} precision {accuracy.precision(label):.1%}, recall {accuracy.recall(label):.1%}"
            for label in Label
        ),
    ]
    lines += ["", *(f"{name:<26} {accuracy.right[name] / accuracy.seen[name]:.1%}" for name in accuracy.seen)]
    return "\n".join(lines)


if __name__ == "__main__":
    for noise in NOISE:
        print(f"\nnoise {noise}\n{report(measure(MEASURED_SEEDS, noise=noise))}")
