"""What a team admin may not do though it is in the own team: charge somebody else, or make keys that may do more than its own."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from shared.directory.model import Key, Resource, Role
from shared.management.call import Call
from shared.management.problems import FieldError, Invalid, invalid
from shared.policy.model import NameRule

_WILD = frozenset("*?[")


def inherited(call: Call) -> Mapping[str, Any]:
    """Return the fields that a new key has where its maker says nothing of them: those in which the maker's own key is restricted."""
    if call.caller.role is not Role.TEAM_ADMIN:
        return {}
    fields: dict[str, Any] = {rule.what: rule.globs for rule in reversed(_own_names(call))}
    if call.caller.networks:
        fields["cidrs"] = tuple(map(str, call.caller.networks))
    if call.is_key and call.caller.expires_at is not None:
        fields["expires_at"] = call.caller.expires_at
    return fields


def check_restrictions(call: Call, before: Resource | None, after: Resource) -> None:
    """Raises Invalid, which names what a team admin may not set so. What is there already may stay."""
    if call.caller.role is not Role.TEAM_ADMIN:
        return
    if getattr(after, "cost_center", None) != getattr(before, "cost_center", None):
        raise invalid("cost_center", "is set by the platform team; leave it out, and that of the team applies")
    if isinstance(after, Key) and (errors := list(_excesses(call, before, after))):
        raise Invalid(errors)


def _excesses(call: Call, before: Resource | None, key: Key) -> Iterator[FieldError]:
    changed = {name for name in Key.model_fields if before is None or getattr(before, name) != getattr(key, name)}
    if "cidrs" in changed and not _is_within(key.cidrs, call.caller.networks):
        yield FieldError("cidrs", "must each lie within the networks of the key that you are calling with")
    end = call.caller.expires_at if call.is_key else None
    if "expires_at" in changed and end is not None and (key.expires_at is None or key.expires_at > end):
        yield FieldError("expires_at", "must not be later than that of the key that you are calling with")
    for rule in _own_names(call):
        if rule.what in changed and not all(_is_covered(rule, glob) for glob in getattr(key, rule.what)):
            yield FieldError(rule.what, "must be among those of the key that you are calling with, in the same words")


def _own_names(call: Call) -> list[NameRule]:
    """Return the rules that hold for the caller alone, and so would not hold for another key of the same owner."""
    return [
        rule
        for rule in call.caller.policy.names
        if rule.origin.is_enforced and (rule.origin.scope == f"keys/{call.caller.id}" or rule.origin.source == "entra")
    ]


def _is_covered(rule: NameRule, glob: str) -> bool:
    return glob in rule.globs or "*" in rule.globs or (not _WILD & set(glob) and rule.admits(glob))


def _is_within(cidrs: tuple[str, ...], networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    if not networks:
        return True
    return bool(cidrs) and all(any(_is_part(ip_network(cidr), network) for network in networks) for cidr in cidrs)


def _is_part(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
