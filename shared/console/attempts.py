"""Failed sign-ins by address: whoever tries many keys has to wait between them."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from shared.clock import Clock
from shared.management.problems import Problem
from shared.recent import Recent

MOST, WITHIN = 10, timedelta(minutes=1)
_ADDRESSES = 10_000


class TooManyAttempts(Problem):
    status, code = 429, "too_many_attempts"

    def __init__(self) -> None:
        super().__init__(
            "Too many sign-ins from your address have failed. Try again in a minute.",
            headers={"retry-after": str(WITHIN.seconds)},
        )


class Attempts:
    """Every sign-in counts as failed from its beginning, so that many at once are no way around it, until it is `forgiven`.

    Each instance counts by itself, for the addresses that tried last.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: Recent[str, tuple[datetime, ...]] = Recent(_ADDRESSES)

    def begin(self, address: str) -> None:
        """Raises TooManyAttempts."""
        now, origin = self._clock.now(), _origin(address)
        recent = tuple(at for at in self._begun.get(origin, ()) if at > now - WITHIN)
        if len(recent) >= MOST:
            raise TooManyAttempts
        self._begun.remember(origin, (*recent, now))

    def forgiven(self, address: str) -> None:
        """Take back the last attempt, which has succeeded."""
        origin = _origin(address)
        if rest := self._begun.get(origin, ())[:-1]:
            self._begun.remember(origin, rest)
        else:
            self._begun.pop(origin, None)


def _origin(address: str) -> str:
    """Of IPv6 the network counts: whoever has one address has 2**64 of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)
