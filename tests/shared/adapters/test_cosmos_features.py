"""The directory and the leases on Cosmos DB: their batches, conditions and increments mean there what they mean in a file."""

import asyncio
from collections.abc import Sequence

from shared.audit.model import Actor
from shared.audit.store import AuditLog
from shared.clock import SystemClock
from shared.directory.changes import Change, Put, Remove
from shared.directory.declared import FileDirectory
from shared.directory.key_lifecycle import minted
from shared.directory.model import Key, Kind, Team
from shared.directory.service import Directory
from shared.directory.store import DirectoryStore
from shared.keys.model import digest_of
from shared.leases.model import Allowance, Exhausted
from shared.leases.service import Leases
from shared.windows import CalendarPeriod, FixedWindow, Period
from tests.shared.adapters.cosmos_line import CosmosLine

PEPPER = b"pepper of the cosmos"
ADA = Actor("vk_ada", "virtual_key")


def desk(cosmos: CosmosLine) -> tuple[DirectoryStore, AuditLog, Directory]:
    documents, clock = cosmos.store(), SystemClock()
    audit = AuditLog(documents, PEPPER)
    return DirectoryStore(documents, clock, audit), audit, Directory(documents, FileDirectory(), clock)


async def put(store: DirectoryStore, *changes: Change) -> None:
    async def plan() -> Sequence[Change]:
        return changes

    await store.commit(ADA, "test", plan)


async def test_two_instances_change_the_directory_at_once_and_the_audit_chain_holds_both(cosmos: CosmosLine) -> None:
    (one, audit, directory), (other, _, _) = desk(cosmos), desk(cosmos)
    secret, key = minted(Key(id="vk_1", owner="teams/a"), PEPPER)

    await asyncio.gather(put(one, Put(Team(id="a")), key), put(other, Put(Team(id="b"))))

    assert [stored.resource for stored in (await one.page(Kind.TEAM))[0]] == [Team(id="a"), Team(id="b")]
    verification = await audit.verify()
    assert (verification.ok, verification.entries) == (True, 3)
    found = await directory.key(digest_of(secret, PEPPER))
    assert found is not None
    assert found.key.id == "vk_1"


async def test_a_change_reaches_an_instance_by_the_change_feed(cosmos: CosmosLine) -> None:
    store, _, directory = desk(cosmos)
    await put(store, Put(Team(id="a", models=("gpt-*",))))
    assert (await directory.chain("teams/a"))[0].node == Team(id="a", models=("gpt-*",))

    await put(store, Put(Team(id="a", models=("o*",))))
    await directory.look()
    changed = (await directory.chain("teams/a"))[0].node
    await put(store, Remove("teams/a"))
    await directory.look()

    assert changed == Team(id="a", models=("o*",))
    assert await directory.chain("teams/a") == ()


async def test_four_instances_draw_on_one_limit_and_one_budget_and_none_too_much(cosmos: CosmosLine) -> None:
    tasks: set[asyncio.Task[None]] = set()
    fleet = [
        Leases(cosmos.store(), SystemClock(), f"inst_{n}", lambda work: tasks.add(asyncio.ensure_future(work)))
        for n in range(4)
    ]
    limit = Allowance("requests", 60, FixedWindow(86_400))
    budget = Allowance("money", 1_000, CalendarPeriod(Period.YEAR))

    async def draw(leases: Leases) -> tuple[int, int]:
        passed = spent = 0
        for _ in range(40):
            try:
                (leases.take_now(limit, 1) or await leases.take(limit, 1)).settle(1)
                passed += 1
            except Exhausted:
                pass
            try:
                (leases.take_now(budget, 30) or await leases.take(budget, 30)).settle(20)
                spent += 20
            except Exhausted:
                pass
        return passed, spent

    drawn = await asyncio.gather(*map(draw, fleet))
    await asyncio.gather(*(leases.close() for leases in fleet))
    await asyncio.gather(*tasks)

    assert sum(passed for passed, _ in drawn) <= 60
    total = sum(spent for _, spent in drawn)
    assert 900 <= total <= 1_000
    assert (await fleet[0].look(budget)).used == total
