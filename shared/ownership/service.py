"""Says where an object lives, to its owner only; to anybody else it does not exist."""

from shared.clock import Clock
from shared.documents import StoreUnavailable
from shared.errors import NotFound, Unavailable
from shared.ids import new_id
from shared.ownership.model import OwnedObject
from shared.ownership.store import OwnershipStore
from shared.recent import Recent
from shared.wire.openai.endpoints import Kind

CACHED = 50_000


class ObjectNotFound(NotFound):
    """404, the same for an object that is not there and for one of another team."""

    def __init__(self, object_id: str, param: str) -> None:
        code = "previous_response_not_found" if param == "previous_response_id" else "not_found"
        super().__init__(f"No object with id '{object_id[:100]}' was found.", param=param, code=code)


class OwnershipUnknown(Unavailable):
    """The registry cannot be read; the answer must not be a guess."""

    code = "ownership_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "It cannot be checked right now to whom the object belongs. Try again.", headers={"retry-after": "2"}
        )


class OwnershipService:
    """The registry, with the recently used entries in memory."""

    def __init__(self, store: OwnershipStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._recent: Recent[str, OwnedObject] = Recent(CACHED)

    async def locate(self, object_id: str, team: str, param: str) -> OwnedObject:
        """Return the object if it is this team's. Raises ObjectNotFound, and OwnershipUnknown when the store is down."""
        owned = self._recent.get(object_id)
        if owned is None:
            try:
                owned = await self._store.find(object_id)
            except StoreUnavailable as error:
                raise OwnershipUnknown from error
            if owned is not None:
                self._recent.remember(owned.id, owned)
        if owned is None or owned.team != team:
            raise ObjectNotFound(object_id, param)
        return owned

    async def register(self, owned: OwnedObject, *, is_minted: bool = False) -> None:
        """Record a new object durably. The first owner of an id stays its owner. Raises StoreUnavailable.

        An id that the upstream has minted for this very call cannot be anybody else's: this instance knows its owner at once.
        """
        if owned.id in self._recent:
            return
        if is_minted:
            self._recent.remember(owned.id, owned)
        stored = await self._store.add(owned)
        self._recent.remember(stored.id, stored)

    def new(self, object_id: str, kind: Kind, team: str, deployment: str, label: str | None = None) -> OwnedObject:
        """A new object, created now."""
        return OwnedObject(object_id, kind, team, deployment, new_id("t", self._clock.now()), label)

    async def forget(self, owned: OwnedObject) -> None:
        self._recent.pop(owned.id, None)
        await self._store.remove(owned)

    async def page(
        self, team: str, kind: Kind, edge: str | None, *, descending: bool, limit: int, label: str | None = None
    ) -> list[OwnedObject]:
        """Return a page of the team's objects. Raises OwnershipUnknown."""
        try:
            return await self._store.of_team(team, kind, edge, descending=descending, limit=limit, label=label)
        except StoreUnavailable as error:
            raise OwnershipUnknown from error
