"""Who calls: a key or the bearer of an access token, whom he belongs to, and what applies to him."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from shared.directory.model import Role
from shared.errors import GatewayError
from shared.identity.errors import TokenExpired
from shared.keys.errors import KeyDisabled, KeyExpired
from shared.policy.model import EffectivePolicy
from shared.usage.model import Attribution


class AddressRefused(GatewayError):
    """403: the key is good, but not from there."""

    status, code, type = 403, "address_not_allowed", "invalid_request_error"
    retryable = False

    def __init__(self) -> None:
        super().__init__("This API key may not be used from your address.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal, as far as the rest of the gateway cares."""

    id: str
    kind: Literal["virtual_key", "entra"]
    owner: str
    team: str
    role: Role
    attribution: Attribution
    policy: EffectivePolicy
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    expires_at: datetime | None = None
    disabled: bool = False
    version: int = 0

    def check(self, address: str | None, now: datetime) -> "Caller":
        """Return the caller if he may call now, from there (None: from anywhere).

        Raises KeyDisabled, KeyExpired, TokenExpired and AddressRefused.
        """
        if self.disabled:
            raise KeyDisabled
        if self.expires_at is not None and now >= self.expires_at:
            raise TokenExpired if self.kind == "entra" else KeyExpired
        if address is not None and self.networks and not _is_within(address, self.networks):
            raise AddressRefused
        return self


def _is_within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(caller, "ipv4_mapped", None)
    return any((mapped or caller) in network for network in networks)
