"""Which calls are traced: a share of them, by an id that is made of theirs.

https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/ : the last 56 bits of the id are its randomness.
"""

_RANDOM_BITS = 56


def is_kept(trace_id: int, ratio: float) -> bool:
    """Whether a trace is among the share `ratio` (0 to 1) that is kept; all that a smaller ratio keeps, a larger one does."""
    randomness = trace_id & ((1 << _RANDOM_BITS) - 1)
    return randomness >= round((1 - ratio) * (1 << _RANDOM_BITS))
