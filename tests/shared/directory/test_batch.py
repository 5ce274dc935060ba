"""What a commit writes beside the resources themselves: the way from digests to keys, and to whose team everything belongs."""

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.directory.changes import Put, Remove
from shared.directory.documents import TOMBSTONE_S, KeyDigest, digest_id
from shared.directory.model import Area, Budget, Key, Kind, Policy, Team, User
from shared.documents import DocumentExists
from tests.fakes import FakeClock
from tests.shared.directory.desk import Desk

OLD, NEW, OTHER = (KeyDigest(letter * 64) for letter in "abc")
SEARCH, CRAWLER = Team(id="search"), Key(id="vk_crawler", owner="teams/search/applications/crawler")


class TestKeys:
    async def test_a_digest_leads_to_its_key(self, desk: Desk) -> None:
        await desk.put(CRAWLER, digests=(OLD,))

        pointer = await desk.raw(digest_id(OLD.digest))
        assert pointer is not None
        assert (pointer["kind"], pointer["key"]) == ("digest", "vk_crawler")

    async def test_digests_come_and_go_with_the_change(self, desk: Desk, clock: FakeClock) -> None:
        await desk.put(CRAWLER, digests=(OLD, OTHER), hint="sk-Olda")
        ending = KeyDigest(OLD.digest, clock.now() + timedelta(hours=1))
        rotated = await desk.put(CRAWLER, digests=(NEW, ending), hint="sk-Newa")

        assert rotated.digests == (NEW, ending)
        assert await _keys_of(desk) == {OLD.digest: "vk_crawler", NEW.digest: "vk_crawler", OTHER.digest: None}

    async def test_other_changes_keep_digests_and_hint(self, desk: Desk) -> None:
        await desk.put(CRAWLER, digests=(OLD,), hint="sk-AbCd")
        kept = await desk.put(CRAWLER.model_copy(update={"disabled": True}))

        assert (kept.digests, kept.hint) == ((OLD,), "sk-AbCd")
        assert await _keys_of(desk) == {OLD.digest: "vk_crawler"}

    async def test_with_a_key_its_digests_go(self, desk: Desk, clock: FakeClock) -> None:
        await desk.put(CRAWLER, digests=(OLD, NEW))
        await desk.commit(Remove("keys/vk_crawler"))

        assert await _keys_of(desk) == {OLD.digest: None, NEW.digest: None}
        clock.advance(TOMBSTONE_S)
        assert await _keys_of(desk) == {}
        assert (await desk.put(CRAWLER, is_new=True)).digests == ()

    async def test_no_two_keys_have_one_secret(self, desk: Desk) -> None:
        await desk.put(CRAWLER, digests=(OLD,))
        before = await desk.everything()
        mine = [Put(Key(id=f"vk_{name}", owner="teams/other"), digests=(digest,)) for name, digest in
                (("one", NEW), ("two", NEW), ("three", OLD))]  # fmt: skip

        for changes in (mine[:2], mine[2:], [*mine[2:], Put(CRAWLER)]):
            with pytest.raises(DocumentExists) as refused:
                await desk.commit(*changes)
            assert OLD.digest not in str(refused.value)
        assert await desk.everything() == before

    async def test_a_secret_can_pass_to_another_key_in_one_commit(self, desk: Desk) -> None:
        await desk.put(CRAWLER, digests=(OLD,))
        renamed = CRAWLER.model_copy(update={"id": "vk_renamed"})
        await desk.commit(Remove("keys/vk_crawler"), Put(renamed, digests=(OLD,)))

        assert await _keys_of(desk) == {OLD.digest: "vk_renamed"}

    async def test_a_secret_that_was_taken_away_can_be_given_again(self, desk: Desk, clock: FakeClock) -> None:
        await desk.put(CRAWLER, digests=(OLD,))
        await desk.put(CRAWLER, digests=())
        await desk.put(CRAWLER, digests=(OLD,))
        clock.advance(10 * TOMBSTONE_S)

        assert await _keys_of(desk) == {OLD.digest: "vk_crawler"}


async def _keys_of(desk: Desk) -> dict[str, object]:
    found = await desk.everything()
    return {id.removeprefix("digest|"): body.get("key") for id, body in found.items() if id.startswith("digest|")}


class TestTeams:
    """Who may see a resource is decided by its team."""

    async def test_nodes_and_what_hangs_on_them_belong_to_the_team_in_their_scope(self, desk: Desk) -> None:
        budget = Budget(id="bud_1", scope="teams/search/users/ada@example.org", amount=Decimal(5))
        await desk.commit(
            Put(SEARCH), Put(User(id="ada@example.org", team="search")), Put(CRAWLER), Put(budget), Put(Area(id="a"))
        )

        for kind in (Kind.TEAM, Kind.USER, Kind.KEY, Kind.BUDGET):
            assert len(await desk.ids(kind, team="search")) == 1, kind
            assert await desk.ids(kind, team="other") == [], kind
        assert await desk.ids(Kind.AREA, team="search") == []
        assert await desk.ids(Kind.AREA) == ["a"]

    async def test_what_hangs_on_a_key_belongs_to_the_keys_team(self, desk: Desk) -> None:
        await desk.put(CRAWLER)
        await desk.put(Policy(id="pol_1", scope="keys/vk_crawler"))
        fresh = Key(id="vk_fresh", owner="teams/other")
        await desk.commit(Put(Policy(id="pol_2", scope="keys/vk_fresh")), Put(fresh))

        assert await desk.ids(Kind.POLICY, team="search") == ["pol_1"]
        assert await desk.ids(Kind.POLICY, team="other") == ["pol_2"]

    async def test_what_hangs_on_a_key_that_is_not_stored_is_nobodys_unless_the_change_says_whose(
        self, desk: Desk
    ) -> None:
        await desk.put(Policy(id="pol_1", scope="keys/vk_declared"))
        await desk.put(Policy(id="pol_2", scope="keys/vk_declared"), team="search")

        assert await desk.ids(Kind.POLICY, team="") == ["pol_1"]
        assert await desk.ids(Kind.POLICY, team="search") == ["pol_2"]

    async def test_a_key_stays_in_its_team(self, desk: Desk) -> None:
        first = await desk.put(CRAWLER)
        with pytest.raises(ValueError, match="keys/vk_crawler"):
            await desk.put(CRAWLER.model_copy(update={"owner": "teams/other"}))
        assert await desk.store.get("keys/vk_crawler") == first

        await desk.put(moved := CRAWLER.model_copy(update={"owner": "teams/search/users/ada"}))
        assert await desk.resource("keys/vk_crawler") == moved
