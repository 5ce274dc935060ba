"""The hierarchy is read once, and again only where something has changed."""

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest

from shared.audit.model import Actor
from shared.audit.store import AuditLog
from shared.directory.changes import Put, Remove
from shared.directory.declared import DeclaredKey, FileDirectory
from shared.directory.documents import KeyDigest
from shared.directory.key_lifecycle import minted, rotated
from shared.directory.model import Application, Area, Budget, Key, Policy, Team
from shared.directory.service import Directory, DirectoryUnavailable
from shared.directory.store import DirectoryStore
from shared.keys.model import digest_of
from tests.fakes import FakeClock, MemoryDocuments

PEPPER = b"pepper"
ADA = Actor("vk_ada", "virtual_key")


class CountingDocuments(MemoryDocuments):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.reads = 0

    async def get(self, *args: Any) -> Any:
        self.reads += 1
        return await super().get(*args)

    async def query(self, *args: Any, **kwargs: Any) -> Any:
        self.reads += 1
        return await super().query(*args, **kwargs)

    async def changes(self, *args: Any) -> Any:
        self.reads += 1
        return await super().changes(*args)


class Town:
    def __init__(self, store: type[CountingDocuments] = CountingDocuments) -> None:
        self.clock = FakeClock()
        self.documents = store(self.clock)
        self.store = DirectoryStore(self.documents, self.clock, AuditLog(self.documents, PEPPER))
        self.directory = Directory(self.documents, FileDirectory([Team(id="filed", area="retail")]), self.clock)

    async def put(self, *changes: Any) -> None:
        async def plan() -> Any:
            return [change if isinstance(change, Put | Remove) else Put(change) for change in changes]

        await self.store.commit(ADA, "test", plan)

    async def scopes(self, scope: str) -> list[str]:
        return [level.scope for level in await self.directory.chain(scope)]


@pytest.fixture
async def town() -> Town:
    town = Town()
    await town.put(
        Area(id="retail", cost_center="100"),
        Team(id="search", area="retail"),
        Application(id="crawler", team="search"),
        Policy(id="pol_a", scope="areas/retail", max_concurrency=3),
        Budget(id="bud_a", scope="teams/search", amount="10"),  # type: ignore[arg-type]
    )
    return town


async def test_a_chain_leads_from_the_key_to_the_organization(town: Town) -> None:
    secret, put = minted(Key(id="vk_1", owner="teams/search/applications/crawler"), PEPPER)
    await town.put(put)

    found = await town.directory.key(digest_of(secret, PEPPER))

    assert found is not None
    assert found.key.id == "vk_1"
    assert await town.scopes(found.key.scope) == [
        "keys/vk_1",
        "teams/search/applications/crawler",
        "teams/search",
        "areas/retail",
        "organization",
    ]


async def test_each_level_brings_what_hangs_on_it(town: Town) -> None:
    _, team, area, _ = await town.directory.chain("teams/search/applications/crawler")

    assert [budget.id for budget in team.budgets] == ["bud_a"]
    assert [policy.id for policy in area.policies] == ["pol_a"]


async def test_nodes_of_the_file_and_of_the_store_make_one_hierarchy(town: Town) -> None:
    await town.put(Policy(id="pol_b", scope="teams/filed", max_concurrency=1))

    filed, area, _ = await town.directory.chain("teams/filed")

    assert [policy.id for policy in filed.policies] == ["pol_b"]
    assert area.scope == "areas/retail"


async def test_what_is_known_is_not_read_again(town: Town) -> None:
    await town.directory.chain("teams/search")
    before = town.documents.reads

    for _ in range(1000):
        await town.directory.chain("teams/search")

    assert town.documents.reads == before


async def test_a_change_is_seen_within_seconds(town: Town) -> None:
    await town.directory.chain("teams/search")
    await town.put(Budget(id="bud_a", scope="teams/search", amount="99"))  # type: ignore[arg-type]

    town.clock.advance(5)

    team = (await town.directory.chain("teams/search"))[0]
    assert [str(budget.amount) for budget in team.budgets] == ["99"]


async def test_a_key_that_is_minted_after_it_was_unknown_works(town: Town) -> None:
    secret, put = minted(Key(id="vk_1", owner="teams/search"), PEPPER)
    assert await town.directory.key(digest_of(secret, PEPPER)) is None

    await town.put(put)
    town.clock.advance(5)

    assert await town.directory.key(digest_of(secret, PEPPER)) is not None


async def test_a_disabled_and_a_deleted_key_are_noticed(town: Town) -> None:
    secret, put = minted(Key(id="vk_1", owner="teams/search"), PEPPER)
    digest = digest_of(secret, PEPPER)
    await town.put(put)
    await town.directory.key(digest)

    stored = await town.store.get("keys/vk_1")
    assert stored is not None
    await town.put(Put(stored.resource.model_copy(update={"disabled": True})))
    town.clock.advance(5)
    found = await town.directory.key(digest)
    assert found is not None
    assert found.key.disabled

    await town.put(Remove("keys/vk_1"))
    town.clock.advance(5)
    assert await town.directory.key(digest) is None


async def test_while_a_rotation_has_its_grace_both_secrets_lead_to_the_key(town: Town) -> None:
    old, put = minted(Key(id="vk_1", owner="teams/search"), PEPPER)
    await town.put(put)
    stored = await town.store.get("keys/vk_1")
    assert stored is not None
    new, put = rotated(stored, PEPPER, town.clock.now(), grace_s=60)
    await town.put(put)

    first, second = [await town.directory.key(digest_of(secret, PEPPER)) for secret in (old, new)]

    assert first is not None
    assert second is not None
    assert first.until == town.clock.now() + timedelta(seconds=60)
    assert second.until is None


async def test_a_digest_that_leads_to_a_key_which_has_it_no_more_is_unknown(town: Town) -> None:
    await town.put(Put(Key(id="vk_1", owner="teams/search"), digests=(KeyDigest("a" * 64),)))
    await town.put(Put(Key(id="vk_1", owner="teams/search"), digests=(KeyDigest("b" * 64),)))

    assert await town.directory.key("a" * 64) is None
    assert await town.directory.key("b" * 64) is not None


async def test_without_the_store_what_is_known_serves_for_minutes_and_the_rest_is_unavailable(town: Town) -> None:
    await town.directory.chain("teams/search")
    town.documents.is_down = True
    town.clock.advance(200)

    assert await town.scopes("teams/search") == ["teams/search", "areas/retail", "organization"]
    with pytest.raises(DirectoryUnavailable):
        await town.directory.chain("teams/search/applications/crawler")
    town.clock.advance(101)
    with pytest.raises(DirectoryUnavailable):
        await town.directory.chain("teams/search")
    town.documents.is_down = False
    town.clock.advance(1)
    assert await town.scopes("teams/search") == ["teams/search", "areas/retail", "organization"]


async def test_an_outage_is_not_asked_about_at_every_call(town: Town) -> None:
    await town.directory.chain("teams/search")
    town.documents.is_down = True
    town.clock.advance(100)
    await town.directory.chain("teams/search")
    before = town.documents.reads

    for _ in range(100):
        await town.directory.chain("teams/search")

    assert town.documents.reads == before


async def test_after_a_day_of_silence_everything_is_read_anew(town: Town) -> None:
    """What is deleted leaves a trace for a day only: who was away for longer has missed it."""
    secret, put = minted(Key(id="vk_1", owner="teams/search"), PEPPER)
    await town.put(put)
    assert await town.directory.key(digest_of(secret, PEPPER)) is not None
    await town.put(Remove("keys/vk_1"), Remove("budgets/bud_a"))

    town.clock.advance(25 * 3600)

    assert await town.directory.key(digest_of(secret, PEPPER)) is None
    assert (await town.directory.chain("teams/search"))[0].budgets == ()


async def test_what_the_file_declares_hides_what_is_stored_under_the_same_id(town: Town) -> None:
    secret, put = minted(Key(id="vk_both", owner="teams/search"), PEPPER)
    await town.put(put, Budget(id="bud_both", scope="teams/filed", amount="5"))  # type: ignore[arg-type]
    declared = FileDirectory(
        [Team(id="filed", area="retail"), Budget(id="bud_both", scope="teams/filed", amount="7")],  # type: ignore[arg-type]
        [DeclaredKey(Key(id="vk_both", owner="teams/filed"), "f" * 64)],
    )
    directory = Directory(town.documents, declared, town.clock)

    assert await directory.key(digest_of(secret, PEPPER)) is None
    found = await directory.key("f" * 64)
    assert found is not None
    assert found.key.owner == "teams/filed"
    assert [str(budget.amount) for budget in (await directory.chain("teams/filed"))[0].budgets] == ["7"]


class HangingDocuments(CountingDocuments):
    """Answers only when it is told to, and then that it is down."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.gate = asyncio.Event()
        self.gate.set()

    async def changes(self, *args: Any) -> Any:
        await self.gate.wait()
        return await super().changes(*args)


async def test_while_the_store_hangs_nobody_waits_for_it_twice() -> None:
    town = Town(HangingDocuments)
    hanging = cast("HangingDocuments", town.documents)
    await town.put(Team(id="search"))
    await town.directory.chain("teams/search")
    town.clock.advance(10)
    hanging.is_down = True
    await town.directory.chain("teams/search")

    hanging.gate.clear()
    for _ in range(50):
        town.clock.advance(1)
        await asyncio.wait_for(town.directory.chain("teams/search"), 1)
    hanging.gate.set()
    await town.directory.close()


async def test_a_flood_of_forged_keys_does_not_reach_the_store(town: Town) -> None:
    await town.directory.look()
    before = town.documents.reads

    for number in range(100):
        assert await town.directory.key(f"{number:064}", may_be_stored=False) is None

    assert town.documents.reads == before
