"""Changes are serialised: each is written whole, with its entry in the audit log, or not at all."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.directory.changes import Change, Put, Remove
from shared.directory.documents import CONTAINER, TOMBSTONE_S, KeyDigest
from shared.directory.model import Area, Budget, Key, Kind, Organization, Policy, Resource, Role, Team
from shared.directory.store import MOST_DOCUMENTS
from shared.documents import (
    Document,
    DocumentExists,
    DocumentMissing,
    Json,
    Operation,
    PreconditionFailed,
    StoreUnavailable,
)
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.directory.desk import ADA, Desk

OLD, NEW = (KeyDigest(letter * 64) for letter in "ab")
SEARCH, CRAWLER = Team(id="search"), Key(id="vk_crawler", owner="teams/search/applications/crawler")


class FaultyDocuments(MemoryDocuments):
    """Its next batches meet these faults: before anything is written, or afterwards where `loses_answers`."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.faults: list[Exception] = []
        self.loses_answers = False

    async def batch(
        self, container: str, partition: str, operations: Sequence[Operation]
    ) -> tuple[Document | None, ...]:
        if self.faults and not self.loses_answers:
            raise self.faults.pop(0)
        answer = await super().batch(container, partition, operations)
        if self.faults:
            raise self.faults.pop(0)
        return answer


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)


class TestOneChange:
    async def test_what_is_put_is_found_again(self, desk: Desk, clock: FakeClock) -> None:
        budget = Budget(id="bud_1", scope="teams/search", amount=Decimal("10.000000001"))
        for resource in (Organization(name="ACME"), Area(id="retail"), SEARCH, CRAWLER, budget):
            stored = await desk.put(resource)

            assert stored.resource == resource
            assert (stored.created_at, stored.updated_at) == (clock.now(), clock.now())
        assert await desk.store.get("budgets/bud_1") == stored
        assert await desk.resource("organization") == Organization(name="ACME")

    async def test_a_second_put_replaces_and_keeps_the_time_of_creation(self, desk: Desk, clock: FakeClock) -> None:
        first = await desk.put(SEARCH)
        clock.advance(5)
        second = await desk.put(SEARCH.model_copy(update={"name": "Search"}), if_match=first.etag)

        assert second.created_at == first.created_at
        assert second.updated_at == clock.now()
        assert second.etag != first.etag
        assert await desk.store.get("teams/search") == second

    async def test_a_new_resource_does_not_replace_one_that_is_there(self, desk: Desk) -> None:
        first = await desk.put(SEARCH)

        with pytest.raises(DocumentExists, match="teams/search"):
            await desk.put(SEARCH.model_copy(update={"name": "Mine"}), is_new=True)
        assert await desk.store.get("teams/search") == first

    async def test_only_the_version_that_was_read_is_replaced_or_removed(self, desk: Desk) -> None:
        stale = await desk.put(SEARCH)
        current = await desk.put(SEARCH)
        before = await desk.everything()

        for change in (Put(SEARCH, if_match=stale.etag), Remove("teams/search", if_match=stale.etag)):
            with pytest.raises(PreconditionFailed, match="teams/search"):
                await desk.commit(change)
        assert await desk.everything() == before
        assert await desk.commit(Remove("teams/search", if_match=current.etag)) == (None,)

    @pytest.mark.parametrize("change", [Put(SEARCH, if_match="1"), Remove("teams/search"), Remove("teams/search", "1")])
    async def test_what_is_not_there_is_neither_replaced_nor_removed(self, desk: Desk, change: Change) -> None:
        with pytest.raises(DocumentMissing, match="teams/search"):
            await desk.commit(change)
        assert await desk.everything() == {}

    @pytest.mark.parametrize(
        "address", ["audit/000000000001", "audit|000000000001", "audit-head", "teams|search", f"digest/{'a' * 64}"]
    )
    async def test_only_resources_have_an_address(self, desk: Desk, address: str) -> None:
        await desk.commit(Put(SEARCH), Put(CRAWLER, digests=(OLD,)))

        assert await desk.store.get(address) is None


class TestDeletion:
    async def test_it_leaves_a_tombstone_that_only_the_change_feed_shows(self, desk: Desk, clock: FakeClock) -> None:
        await desk.put(SEARCH)
        assert await desk.commit(Remove("teams/search")) == (None,)

        assert await desk.store.get("teams/search") is None
        assert await desk.ids(Kind.TEAM) == []
        tombstone = await desk.raw("teams|search")
        assert tombstone is not None
        assert (tombstone["kind"], tombstone["deleted"], tombstone["scope"]) == ("deleted-team", True, "teams/search")
        assert tombstone in [change.body for change in (await desk.documents.changes(CONTAINER)).documents]
        clock.advance(TOMBSTONE_S)
        assert await desk.raw("teams|search") is None

    async def test_it_happens_once(self, desk: Desk) -> None:
        await desk.put(SEARCH)
        await desk.commit(Remove("teams/search"))

        with pytest.raises(DocumentMissing):
            await desk.commit(Remove("teams/search"))

    @pytest.mark.parametrize("later_s", [1, TOMBSTONE_S + 1])
    async def test_what_was_removed_can_be_created_anew_and_stays(
        self, desk: Desk, clock: FakeClock, later_s: int
    ) -> None:
        first = await desk.put(SEARCH)
        await desk.commit(Remove("teams/search"))
        clock.advance(later_s)
        with pytest.raises(DocumentMissing):
            await desk.put(SEARCH, if_match=first.etag)
        again = await desk.put(SEARCH, is_new=True)

        assert again.created_at == clock.now()
        clock.advance(10 * TOMBSTONE_S)
        assert await desk.store.get("teams/search") == again
        assert (await desk.entries())[-1].before is None


class TestAllOrNothing:
    async def test_one_refused_change_refuses_the_whole_commit(self, desk: Desk) -> None:
        await desk.put(SEARCH)
        before = await desk.everything()

        with pytest.raises(DocumentExists):
            await desk.commit(Put(Area(id="retail")), Put(CRAWLER, digests=(OLD,)), Put(SEARCH, is_new=True))
        assert await desk.everything() == before

    async def test_nothing_is_written_when_the_batch_fails(self, clock: FakeClock) -> None:
        documents = FaultyDocuments(clock)
        desk = Desk(documents, clock)
        await desk.put(CRAWLER, digests=(OLD,))
        before = await desk.everything()

        documents.faults = [StoreUnavailable("gone")]
        with pytest.raises(StoreUnavailable):
            await desk.commit(Put(CRAWLER, digests=(NEW,)), Put(SEARCH))
        assert await desk.everything() == before
        assert (await desk.log.verify()).ok

    async def test_a_commit_whose_answer_is_lost_is_not_made_twice(self, clock: FakeClock) -> None:
        documents = FaultyDocuments(clock)
        desk = Desk(documents, clock)
        documents.faults, documents.loses_answers = [StoreUnavailable("lost")], True

        with pytest.raises(StoreUnavailable):
            await desk.put(SEARCH, is_new=True)
        with pytest.raises(DocumentExists):
            await desk.put(SEARCH, is_new=True)
        assert [entry.target for entry in await desk.entries()] == ["teams/search"]
        assert (await desk.log.verify()).ok

    @pytest.mark.usefixtures("unhurried")
    @pytest.mark.parametrize("fault", [DocumentExists, DocumentMissing, PreconditionFailed])
    async def test_a_batch_that_met_other_documents_than_were_read_is_made_anew(
        self, clock: FakeClock, fault: type[Exception]
    ) -> None:
        documents = FaultyDocuments(clock)
        desk = Desk(documents, clock)
        documents.faults = [fault("x"), fault("x")]

        assert (await desk.put(SEARCH)).resource == SEARCH
        assert [entry.seq for entry in await desk.entries()] == [1]

    async def test_a_refusal_by_the_plan_reaches_the_caller_and_writes_nothing(self, desk: Desk) -> None:
        async def plan() -> Sequence[Change]:
            raise LookupError("the area does not exist")

        with pytest.raises(LookupError, match="area"):
            await desk.store.commit(ADA, "team.create", plan)
        assert await desk.everything() == {}

    async def test_a_commit_without_changes_writes_nothing(self, desk: Desk) -> None:
        assert await desk.commit() == ()
        assert await desk.everything() == {}

    async def test_a_commit_has_a_largest_size(self, desk: Desk) -> None:
        teams = [Put(Team(id=f"t{number:02}")) for number in range(MOST_DOCUMENTS // 2 + 1)]

        with pytest.raises(ValueError, match="90"):
            await desk.commit(*teams)
        assert await desk.everything() == {}
        assert len(await desk.commit(*teams[1:])) == MOST_DOCUMENTS // 2

    async def test_a_commit_changes_a_resource_once(self, desk: Desk) -> None:
        with pytest.raises(ValueError, match="same resource"):
            await desk.commit(Put(SEARCH), Remove("teams/search"))
        assert await desk.everything() == {}

    async def test_results_come_in_the_order_of_the_changes(self, desk: Desk) -> None:
        await desk.put(SEARCH)
        retail, gone, key = await desk.commit(
            Put(Area(id="retail")), Remove("teams/search"), Put(CRAWLER, digests=(OLD,), hint="sk-AbCd")
        )

        assert retail is not None
        assert retail.resource == Area(id="retail")
        assert gone is None
        assert key is not None
        assert (key.resource, key.digests, key.hint) == (CRAWLER, (OLD,), "sk-AbCd")
        assert await desk.store.get("keys/vk_crawler") == key


class TestConcurrency:
    async def test_a_plan_is_asked_again_after_a_lost_race_and_sees_what_the_other_did(
        self, desk: Desk, other: Desk
    ) -> None:
        seen = []

        async def plan() -> Sequence[Change]:
            seen.append(await desk.ids(Kind.TEAM))
            if len(seen) == 1:
                await other.put(Team(id="theirs"))
            return [Put(Team(id="mine"))]

        await desk.store.commit(ADA, "team.create", plan)

        assert seen == [[], ["theirs"]]
        assert [entry.target for entry in await desk.entries()] == ["teams/theirs", "teams/mine"]
        assert (await desk.log.verify()).ok

    async def test_what_a_plan_has_found_still_holds_when_its_changes_are_written(
        self, desk: Desk, other: Desk
    ) -> None:
        def claim(desk: Desk, team: str) -> Callable[[], Awaitable[Sequence[Change]]]:
            async def plan() -> Sequence[Change]:
                taken = await desk.ids(Kind.TEAM)
                await asyncio.sleep(0)
                if taken:
                    raise PermissionError(f"{taken[0]} was first")
                return [Put(Team(id=team))]

            return plan

        outcomes = await asyncio.gather(
            *(
                place.store.commit(ADA, "team.create", claim(place, f"t{number}"))
                for number, place in enumerate([desk, other] * 4)
            ),
            return_exceptions=True,
        )

        assert sum(isinstance(outcome, PermissionError) for outcome in outcomes) == 7
        assert len(await desk.ids(Kind.TEAM)) == 1

    async def test_an_etag_that_the_other_has_outdated_is_refused(self, desk: Desk, other: Desk) -> None:
        read = await desk.put(SEARCH)

        async def too_late() -> Sequence[Change]:
            await other.put(SEARCH.model_copy(update={"name": "Theirs"}))
            return [Put(SEARCH, if_match=read.etag)]

        with pytest.raises(PreconditionFailed):
            await desk.store.commit(ADA, "team.update", too_late)
        assert await desk.resource("teams/search") == Team(id="search", name="Theirs")

    async def test_all_commits_of_two_instances_end_up_in_one_chain(self, desk: Desk, other: Desk) -> None:
        async def put(place: Desk, number: int) -> None:
            async def plan() -> Sequence[Change]:
                await asyncio.sleep(0)
                return [Put(Team(id=f"t{number:02}"), is_new=True), Put(Area(id=f"a{number:02}"), is_new=True)]

            await place.store.commit(ADA, "create", plan)

        await asyncio.gather(*(put(place, number) for number, place in enumerate([desk, other] * 10)))

        assert await desk.ids(Kind.TEAM) == [f"t{number:02}" for number in range(20)]
        entries = await desk.entries()
        assert [entry.seq for entry in entries] == list(range(1, 41))
        assert len({entry.target for entry in entries}) == 40
        verification = await desk.log.verify()
        assert (verification.ok, verification.entries) == (True, 40)

    async def test_commits_of_one_instance_wait_for_each_other_instead_of_racing(self, desk: Desk) -> None:
        planned: list[int] = []

        def plan(number: int) -> Callable[[], Awaitable[Sequence[Change]]]:
            async def plan() -> Sequence[Change]:
                planned.append(number)
                await asyncio.sleep(0)
                return [Put(Team(id=f"t{number}"))]

            return plan

        await asyncio.gather(*(desk.store.commit(ADA, "team.create", plan(number)) for number in range(10)))

        assert planned == list(range(10))

    @pytest.mark.usefixtures("unhurried")
    async def test_who_loses_every_race_gives_up_and_has_changed_nothing(self, desk: Desk, other: Desk) -> None:
        rounds = 0

        async def plan() -> Sequence[Change]:
            nonlocal rounds
            rounds += 1
            await other.put(Team(id="theirs"))
            return [Put(Team(id="mine"))]

        with pytest.raises(StoreUnavailable):
            await desk.store.commit(ADA, "team.create", plan)
        assert await desk.ids(Kind.TEAM) == ["theirs"]
        assert len(await desk.entries()) == rounds > 1


class TestEntries:
    async def test_an_entry_belongs_to_the_team_that_the_resource_was_of(self, desk: Desk) -> None:
        policy = Policy(id="pol_1", scope="keys/vk_crawler")
        await desk.commit(Put(SEARCH), Put(CRAWLER), Put(policy), Put(Area(id="retail")))
        await desk.commit(Remove("keys/vk_crawler"))
        await desk.commit(Remove("policies/pol_1"))

        assert [entry.team for entry in await desk.entries()] == [
            "search",
            "search",
            "search",
            None,
            "search",
            "search",
        ]

    async def test_an_entry_that_tells_of_two_teams_is_for_neither(self, desk: Desk) -> None:
        await desk.put(Policy(id="pol_1", scope="teams/a"))
        await desk.put(Policy(id="pol_1", scope="teams/b"))
        await desk.put(Policy(id="pol_1", scope="organization"))

        assert [entry.team for entry in await desk.entries()] == ["a", None, None]


async def test_who_set_a_policy_is_kept_until_somebody_sets_it_anew(desk: Desk) -> None:
    policy = Policy(id="pol_1", scope="teams/search")
    roles = [(await desk.put(policy, made_by=role)).made_by for role in (None, Role.TEAM_ADMIN, None)]

    assert roles == [None, Role.TEAM_ADMIN, Role.TEAM_ADMIN]
    assert (await desk.put(policy, made_by=Role.PLATFORM_ADMIN)).made_by is Role.PLATFORM_ADMIN


async def test_nobody_waits_without_end_for_those_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.directory.store.TURN_S", 0.01)
    hanging, free = asyncio.Event(), asyncio.Event()

    async def plan() -> Sequence[Change]:
        hanging.set()
        await free.wait()
        return [Put(SEARCH)]

    first = asyncio.create_task(desk.store.commit(ADA, "team.create", plan))
    await hanging.wait()
    with pytest.raises(StoreUnavailable):
        await desk.put(Area(id="retail"))
    free.set()
    await first

    assert [entry.target for entry in await desk.entries()] == ["teams/search"]


class TestPages:
    async def test_a_page_can_be_of_one_scope(self, desk: Desk) -> None:
        await desk.commit(
            Put(Policy(id="pol_1", scope="teams/search")),
            Put(Policy(id="pol_2", scope="teams/search/users/ada")),
            Put(CRAWLER),
            Put(Key(id="vk_team", owner="teams/search")),
        )

        assert await desk.ids(Kind.POLICY, scope="teams/search") == ["pol_1"]
        assert await desk.ids(Kind.POLICY, scope="teams/search", team="other") == []
        assert await desk.ids(Kind.KEY, scope="teams/search") == ["vk_team"]

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    async def test_pages_lose_nothing_and_show_nothing_twice(self, desk: Desk, limit: int) -> None:
        keys = [Key(id=f"vk_{number}", owner=f"teams/{'search' if number % 3 else 'other'}") for number in range(9)]
        await desk.commit(*(Put(key) for key in keys))
        await desk.commit(Remove("keys/vk_4"), Put(SEARCH))

        found: list[Resource] = []
        cursor = None
        while True:
            stored, cursor = await desk.store.page(Kind.KEY, team="search", limit=limit, cursor=cursor)
            found += [item.resource for item in stored]
            assert len(stored) <= limit
            if cursor is None:
                break
        assert found == [keys[number] for number in (1, 2, 5, 7, 8)]


class TestAudit:
    async def test_an_entry_tells_who_did_what_to_which_resource(self, desk: Desk, clock: FakeClock) -> None:
        await desk.commit(Put(SEARCH), action="team.create")
        clock.advance(60)
        renamed = SEARCH.model_copy(update={"name": "Search"})
        await desk.commit(Put(renamed), Put(CRAWLER, action="key.create"), action="apply")
        await desk.commit(Remove("teams/search", action="team.delete"))
        created, updated, key, deleted = await desk.entries()

        assert (created.actor, created.action, created.target) == (ADA, "team.create", "teams/search")
        assert (created.before, created.after, created.request_id) == (None, _json(SEARCH), "req_1")
        assert (updated.before, updated.after, updated.action) == (_json(SEARCH), _json(renamed), "apply")
        assert updated.at == created.at + timedelta(minutes=1)
        assert (key.target, key.action) == ("keys/vk_crawler", "key.create")
        assert (deleted.before, deleted.after, deleted.action) == (_json(renamed), None, "team.delete")

    async def test_no_digest_secret_or_hint_gets_into_an_entry(self, desk: Desk) -> None:
        canaries = ("c0ffee" * 10 + "aaaa", "dec0de" * 10 + "bbbb", "sk-Cana")
        await desk.put(CRAWLER, digests=(KeyDigest(canaries[0]),), hint=canaries[2])
        await desk.put(CRAWLER, digests=(KeyDigest(canaries[1]), KeyDigest(canaries[0])), hint=canaries[2])
        await desk.commit(Remove("keys/vk_crawler"))

        audit = {id: str(body) for id, body in (await desk.everything()).items() if id.startswith("audit")}
        assert len(audit) == 4
        assert [id for id, text in audit.items() if any(canary in text for canary in canaries)] == []


def _json(resource: Resource) -> Json:
    return resource.model_dump(mode="json", exclude_none=True)
