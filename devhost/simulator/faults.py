"""The ways in which a call can go wrong on purpose, and who asked for them.

A fault is written `name` or `name=value`; times are in milliseconds.

| fault | what the caller sees |
|---|---|
| 429, 429-none | 429 with both retry headers, or with none; `429=value` sets the delay |
| 429-retry-after-ms, 429-retry-after, 429-retry-after-date, 429-reset-tokens | 429 with just that header |
| 401, 403, 500, 502, 503, 504 | that status |
| content-filter, content-filter-output | the prompt, or the completion, is blocked |
| slow=3000 | a late first byte |
| pace=20 | silence before every event |
| stall=5000 | one silence in the middle of the stream |
| hang | no answer, ever |
| reset | a TCP reset before the first byte |
| cut=3 | the connection drops after that many events |
| error-event=3 | an error event after that many events, and the end |
| malformed | 200 with broken JSON |
| garbage-sse | odd but valid server-sent events |
| gzip | content-encoding: gzip |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time

from devhost.simulator.errors import (
    AzureError,
    access_denied,
    permission_denied,
    prompt_blocked,
    rate_limited,
    server_error,
)

_DEFAULTS: Mapping[str, int] = {
    "slow": 3_000,
    "pace": 20,
    "stall": 5_000,
    "cut": 3,
    "error-event": 3,
    "429": 1_000,
    "429-retry-after-ms": 1_000,
    "429-retry-after": 1,
    "429-retry-after-date": 2,
    "429-reset-tokens": 1,
}
_STATUSES = ("401", "403", "500", "502", "503", "504")
_PLAIN = ("429-none", "content-filter", "content-filter-output", "hang", "reset", "malformed", "garbage-sse", "gzip")
NAMES = frozenset({*_DEFAULTS, *_STATUSES, *_PLAIN})
EVERY_DEPLOYMENT = "*"


class UnknownFault(ValueError):
    """A fault was asked for that the simulator does not have."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of one call, with their values."""

    values: Mapping[str, int] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> int:
        return self.values[name]

    def refusal(self) -> AzureError | None:
        """The error that is the whole answer, if one of the faults is such an error."""
        for name, value in self.values.items():
            if name.startswith("429"):
                return rate_limited(_retry_headers(name, value))
            if name == "401":
                return access_denied()
            if name == "403":
                return permission_denied()
            if name == "content-filter":
                return prompt_blocked()
            if name.isdigit():
                return server_error(int(name))
        return None


def _retry_headers(name: str, value: int) -> dict[str, str]:
    match name:
        case "429":
            return {"retry-after-ms": str(value), "retry-after": str(-(-value // 1000))}
        case "429-retry-after-ms":
            return {"retry-after-ms": str(value)}
        case "429-retry-after":
            return {"retry-after": str(value)}
        case "429-retry-after-date":
            return {"retry-after": formatdate(time() + value, usegmt=True)}
        case "429-reset-tokens":
            return {"x-rate-limit-reset-tokens": str(value)}
    return {}


def parse_fault(text: str) -> tuple[str, int]:
    """Return name and value of `name` or `name=value`. Raises UnknownFault."""
    name, _, value = text.strip().partition("=")
    if name not in NAMES or (value and not value.isdecimal()):
        raise UnknownFault(text)
    return name, int(value) if value else _DEFAULTS.get(name, 0)


@dataclass(slots=True)
class _Order:
    fault: tuple[str, int]
    left: int | None


class FaultPlan:
    """Decides the faults of each call and counts those that were asked for a number of times."""

    def __init__(self) -> None:
        self._orders: dict[str, list[_Order]] = {}
        self._uses: dict[tuple[str, str, str], int] = {}

    def order(self, deployment: str, fault: str, times: int | None) -> None:
        """Let the deployment's next calls fail; for good when `times` is None."""
        self._orders.setdefault(deployment, []).append(_Order(parse_fault(fault), times))

    def cancel(self) -> None:
        """Forget every order and every count."""
        self._orders.clear()
        self._uses.clear()

    def of_call(self, deployment: str, permanent: Iterable[str], header: str, key: str) -> Faults:
        """Return the faults of this call. Raises UnknownFault."""
        found = dict(parse_fault(text) for text in permanent)
        found.update(self._from_header(deployment, header, key))
        found.update(self._from_orders(deployment))
        return Faults(found)

    def _from_header(self, deployment: str, header: str, key: str) -> dict[str, int]:
        options = [option.strip() for option in header.split(",") if option.strip()]
        limits = [int(option[6:]) for option in options if option.startswith("times=") and option[6:].isdecimal()]
        wanted = dict(parse_fault(option) for option in options if not option.startswith("times="))
        return {name: value for name, value in wanted.items() if self._is_due(key, name, deployment, limits)}

    def _is_due(self, key: str, name: str, deployment: str, limits: list[int]) -> bool:
        if not limits:
            return True
        use = (key, name, deployment)
        self._uses[use] = self._uses.get(use, 0) + 1
        return self._uses[use] <= limits[0]

    def _from_orders(self, deployment: str) -> dict[str, int]:
        for name in (deployment, EVERY_DEPLOYMENT):
            for order in self._orders.get(name, ()):
                if order.left == 0:
                    continue
                if order.left is not None:
                    order.left -= 1
                return dict([order.fault])
        return {}
