"""Knows everybody who may call; who has called before costs one hash and one look-up."""

from collections.abc import Mapping
from ipaddress import ip_network

from shared.callers.address import client_address
from shared.callers.model import Caller
from shared.clock import Clock
from shared.directory.model import FoundKey, Level, User, inherited, team_of
from shared.directory.service import Directory
from shared.identity.errors import TokenNotMapped, TokenRefused
from shared.identity.model import Identified
from shared.identity.service import TokenIdentity
from shared.keys.errors import KeyMissing, KeyUnknown
from shared.keys.model import is_mistyped
from shared.keys.service import KeyService, presented_keys
from shared.policy.compile import effective_of
from shared.policy.model import EffectivePolicy, NameRule, Origin
from shared.recent import Recent
from shared.usage.model import Attribution

REMEMBERED = 50_000


class Callers:
    """Makes callers of keys and tokens, and remembers them until something about them changes."""

    def __init__(
        self, directory: Directory, keys: KeyService, tokens: TokenIdentity | None, clock: Clock, proxies: int = 0
    ) -> None:
        self._directory, self._keys, self._tokens, self._clock = directory, keys, tokens, clock
        self._proxies = proxies
        self._known: Recent[str, Caller] = Recent(REMEMBERED)

    async def identify(self, headers: Mapping[str, str], peer: str) -> Caller:
        """Return the caller. Raises KeyRefused, TokenRefused, AddressRefused, and Unavailable for our own outage.

        Some clients send two headers, and a placeholder in one of them: the first header that holds something known decides.
        """
        presented = presented_keys(headers)
        refused: TokenRefused | None = None
        if not presented:
            raise KeyMissing
        for secret in presented:
            try:
                caller = await self._of(secret)
            except TokenRefused as error:
                # A proxy may have put a token of its own beside the caller's key.
                refused = refused or error
                continue
            if caller is not None:
                address = client_address(headers, peer, self._proxies) if caller.networks else None
                return caller.check(address, self._clock.now())
        raise refused or KeyUnknown(any(is_mistyped(secret) for secret in presented))

    async def _of(self, secret: str) -> Caller | None:
        if self._tokens is not None and self._tokens.looks_like_token(secret):
            return await self._bearer(self._tokens.cached(secret) or await self._tokens.identify(secret))
        digest = self._keys.digest(secret)
        known = self._current(digest)
        if known is not None:
            return known
        # As of before the key was read: what changes meanwhile must be read again at the next call.
        version = self._directory.version
        found = await self._keys.find(secret, digest)
        if found is None:
            self._known.pop(digest, None)
            return None
        return await self._holder(digest, found, version)

    async def by_id(self, key_id: str) -> Caller | None:
        """Return the holder of a key without its secret, to tell what applies to him. Raises Unavailable."""
        version = self._directory.version
        key = await self._directory.key_by_id(key_id)
        return await self._made(FoundKey(key), version) if key else None

    def _current(self, name: str) -> Caller | None:
        known = self._known.get(name)
        if known is None or known.version != self._directory.version or not self._directory.is_fresh:
            return None
        self._known.move_to_end(name)
        return known

    async def _holder(self, digest: str, found: FoundKey, version: int) -> Caller | None:
        known = self._current(digest)
        if known is not None:
            return known
        made = await self._made(found, version)
        if made is not None:
            self._known.remember(digest, made)
        return made

    async def _made(self, found: FoundKey, version: int) -> Caller | None:
        key = found.key
        levels = await self._directory.chain(key.scope)
        team = team_of(key.owner)
        if not levels or team is None:
            return None
        ends = [end for end in (key.expires_at, found.until) if end is not None]
        return Caller(
            id=key.id,
            kind="virtual_key",
            owner=key.owner,
            team=team,
            role=key.role,
            attribution=_attribution(levels, key.id, "virtual_key", key.owner),
            policy=effective_of(levels, key.id, team),
            networks=tuple(ip_network(cidr) for cidr in key.cidrs),
            expires_at=min(ends, default=None),
            disabled=key.disabled,
            version=version,
        )

    async def _bearer(self, bearer: Identified) -> Caller:
        # What a token grants is part of who calls: another one of the same person may grant less.
        name = str((bearer.id, bearer.owner, bearer.role, *bearer.endpoints, "", *bearer.models))
        if (known := self._current(name)) is not None and known.expires_at == bearer.expires_at:
            return known
        version, team = self._directory.version, team_of(bearer.owner)
        levels = await self._levels_of(bearer.owner)
        if not levels or team is None:
            raise TokenNotMapped
        policy = effective_of(levels, bearer.id, team)
        caller = Caller(
            id=bearer.id,
            kind="entra",
            owner=bearer.owner,
            team=team,
            role=bearer.role,
            attribution=_attribution(levels, bearer.id, "entra", bearer.owner),
            policy=EffectivePolicy((*_granted(bearer), *policy.names), policy.caps, policy.counts),
            expires_at=bearer.expires_at,
            version=version,
        )
        self._known.remember(name, caller)
        return caller

    async def _levels_of(self, owner: str) -> tuple[Level, ...]:
        """The levels above a bearer; a person whom nobody has entered yet is a user of his team all the same."""
        levels = await self._directory.chain(owner)
        if levels or "/users/" not in owner:
            return levels
        team, user = owner.removeprefix("teams/").split("/users/")
        above = await self._directory.chain(f"teams/{team}")
        return (Level(owner, User(id=user, team=team)), *above) if above else ()


def _granted(bearer: Identified) -> list[NameRule]:
    origin = Origin(bearer.owner, "entra")
    rules = []
    if bearer.models != ("*",):
        rules.append(NameRule(origin, "models", tuple(bearer.models)))
    if bearer.endpoints != ("*",):
        rules.append(NameRule(origin, "endpoints", tuple(bearer.endpoints)))
    return rules


def _attribution(levels: tuple[Level, ...], key: str, kind: str, owner: str) -> Attribution:
    parts = owner.split("/")
    below = dict([parts[2:4]]) if len(parts) == 4 else {}
    return Attribution(
        team=parts[1],
        key=key,
        principal_kind=kind,
        cost_center=inherited(levels, "cost_center"),
        client=inherited(levels, "client"),
        project=inherited(levels, "project"),
        area=inherited(levels, "area"),
        application=below.get("applications"),
        user=below.get("users"),
    )
