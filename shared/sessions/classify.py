"""The classifier: three sums of weighted features, and the label of the largest. Written down, deterministic, versioned."""

from collections.abc import Mapping
from math import exp

from shared.sessions.model import Label, Thousandths, Verdict

VERSION = 1

WEIGHTS: Mapping[Label, Mapping[str, float]] = {
    Label.INTERACTIVE: {
        "bias": 3.5, "asked": 3.5, "human_pace": 1.5, "worked": -1.5, "stretch": -1.5, "density": -2.5, "offered": -2.0, "regular": -1.5,
        "overlap": -1.5, "off_hours": -1.0, "service": -1.0, "headless": -1.0,
    },
    Label.AGENTIC: {
        "asked": -1.5, "human_pace": 1.0, "density": 1.5, "offered": 2.5, "regular": -3.5, "off_hours": -0.5, "service": -1.0,
        "assistant": 1.0, "headless": -1.0,
    },
    Label.AUTONOMOUS: {
        "bias": -3.5, "asked": -2.0, "human_pace": -2.0, "worked": 1.5, "stretch": 2.0, "density": 1.0, "offered": -0.5, "regular": 5.0,
        "overlap": 1.5, "off_hours": 1.5, "service": 2.0, "assistant": -1.0, "headless": 2.0,
    },
}  # fmt: skip
"""How much each feature (0 to 1) speaks for a label. Fitted to synthetic traces and rounded; see docs/explanation/sessions.md."""

DOUBT = 2
"""Calls that are as good as none: of one call hardly anything can be said."""


def classify(features: Thousandths, calls: int) -> Verdict:
    """Return the label with the greatest sum and how sure that is: its share of all three (softmax), less for few calls."""
    sums = {label: _sum(weights, features) for label, weights in WEIGHTS.items()}
    best = max(Label, key=lambda label: sums[label])
    share = 1 / sum(exp(other - sums[best]) for other in sums.values())
    third = 1 / len(sums)
    confidence = third + (share - third) * calls / (calls + DOUBT)
    return Verdict(best, round(1000 * confidence), features, VERSION)


def _sum(weights: Mapping[str, float], features: Thousandths) -> float:
    return weights.get("bias", 0.0) + sum(weight * features.get(name, 0) / 1000 for name, weight in weights.items())
