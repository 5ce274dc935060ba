"""The rate limit headers of every answer: a minute's window per deployment that counts and never refuses."""

from dataclasses import dataclass
from time import monotonic

from devhost.simulator.catalog import Deployment

_WINDOW_S = 60
_TOKENS_PER_REQUEST = 1_000


@dataclass(slots=True)
class _Window:
    start: float
    requests: int = 0
    tokens: int = 0


class RateLimits:
    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def headers(self, deployment: Deployment, estimate: int, is_throttled: bool) -> dict[str, str]:
        """Count one request of about `estimate` tokens and return what is left."""
        now = monotonic()
        window = self._windows.get(deployment.name)
        if window is None or now - window.start >= _WINDOW_S:
            window = self._windows[deployment.name] = _Window(now)
        window.requests += 1
        window.tokens += estimate
        tokens = deployment.tokens_per_minute
        requests = tokens // _TOKENS_PER_REQUEST
        reset = str(max(1, round(_WINDOW_S - (now - window.start))))
        return {
            "x-ratelimit-limit-requests": str(requests),
            "x-ratelimit-limit-tokens": str(tokens),
            "x-ratelimit-remaining-requests": str(max(0, requests - window.requests)),
            "x-ratelimit-remaining-tokens": "0" if is_throttled else str(max(0, tokens - window.tokens)),
            "x-ratelimit-reset-requests": reset,
            "x-ratelimit-reset-tokens": reset,
        }
