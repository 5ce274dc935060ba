"""The kinds of text and number that configuration and management API take, each with its rule."""

from ipaddress import ip_address, ip_network
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
UserName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Alias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:*?\[\]-]{1,100}$")]
EndpointGlob = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.*]{1,100}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^vk_[A-Za-z0-9_-]{1,60}$")]
SecretRef = Annotated[
    str,
    StringConstraints(
        pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|kv://[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]/[A-Za-z0-9-]{1,127}(/[0-9a-f]{32})?"
        r"|db://[A-Za-z0-9][A-Za-z0-9._-]{0,63})$"
    ),
]
REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}"
"""How a forge calls a repository, `owner/name`: in the tag of a call, and in what a webhook tells."""

Positive = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=0, le=10**15)]


def _not_empty[T](items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("must not be empty")
    return items


# Not a minimal length: that would also be found wanting where an item is wrong, and name a mistake that is none.
type Some[T] = Annotated[tuple[T, ...], AfterValidator(_not_empty)]


# What a machine has beside the IANA names: its own zone, and copies that count leap seconds or do not.
_NOT_IANA = ("localtime", "posixrules", "posix/", "right/")
_NO_NETWORK = "must be an address or a network such as 10.0.0.0/8, without bits beyond its mask"
_NO_ZONE = "must be an IANA time zone such as Europe/Berlin"


def _few[T](items: tuple[T, ...]) -> tuple[T, ...]:
    if len(items) > MOST:
        raise ValueError(f"may hold {MOST} entries at most")
    return items


MOST = 200
"""Entries of a list that is gone through at every call."""

type Few[T] = Annotated[tuple[T, ...], AfterValidator(_few)]
type SomeFew[T] = Annotated[tuple[T, ...], AfterValidator(_not_empty), AfterValidator(_few)]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: only there may anything go over plain http."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _network(value: str) -> str:
    if "%" in value:  # An interface of the machine that reads it; the standard library takes any text for its name.
        raise ValueError(_NO_NETWORK)
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError(_NO_NETWORK) from None


def _zone(value: str) -> str:
    if value.startswith(_NOT_IANA):
        raise ValueError(_NO_ZONE)
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(_NO_ZONE) from None


Cidr = Annotated[str, StringConstraints(max_length=50), AfterValidator(_network)]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]


class Strict(BaseModel):
    """Refuses fields that it does not know, and never repeats what it was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)
