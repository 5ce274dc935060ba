import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.directory.model import Policy
from shared.documents import StoreUnavailable
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.management.office import ADMIN_A, AUDITOR, Office
from tests.shared.management.test_keys import works

WANTED = {
    "organization": {"name": "Contoso"},
    "areas": [{"id": "retail"}],
    "teams": [{"id": "search", "area": "retail"}],
    "applications": [{"id": "crawler", "team": "search"}],
    "users": [{"id": "ada", "team": "search"}],
    "keys": [{"id": "vk_one", "owner": "teams/search/applications/crawler"}],
    "policies": [{"id": "pol_one", "scope": "keys/vk_one", "max_output_tokens": 10}],
    "budgets": [{"id": "bud_one", "scope": "teams/search", "amount": "5.5"}],
}


class FailingDocuments(MemoryDocuments):
    """Does not answer any more after so many batches. After a batch something else may happen."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.batches_left = 10**6
        self.batches = self.queries = 0
        self.after_batches: dict[int, Callable[[], Awaitable[object]]] = {}

    async def query(self, *args: Any, **kwargs: Any) -> Any:
        self.queries += 1
        return await super().query(*args, **kwargs)

    async def batch(self, *args: Any, **kwargs: Any) -> Any:
        if self.batches_left == 0:
            raise StoreUnavailable("the store has gone")
        self.batches_left -= 1
        self.batches += 1
        written = await super().batch(*args, **kwargs)
        if self.batches in self.after_batches:
            await self.after_batches.pop(self.batches)()
        return written


def failing() -> tuple[Office, FailingDocuments]:
    clock = FakeClock()
    documents = FailingDocuments(clock)
    return Office(clock=clock, documents=documents), documents


def beside(office: Office) -> Office:
    """Another instance on the same store."""
    return Office(clock=office.clock, documents=office.documents)


async def apply(office: Office, resources: object, **options: object) -> Any:
    answer = await office.call("POST", "apply", {"resources": resources, **options})
    assert answer.status == 200, answer.raw
    return answer.json


async def exported(office: Office) -> Any:
    return (await office.call("GET", "export")).json


def writes(office: Office) -> int:
    return office.documents._changes  # type: ignore[attr-defined,no-any-return]


async def test_a_document_is_applied_at_once_and_says_what_it_changed(office: Office) -> None:
    applied = await apply(office, WANTED)

    assert (applied["applied"], applied["batches"]) == (True, 1)
    assert {change["action"] for change in applied["changes"]} == {"create"}
    assert len(applied["changes"]) == 8
    assert list(applied["secrets"]) == ["vk_one"]
    assert await works(office, applied["secrets"]["vk_one"])
    assert (await office.call("GET", "budgets/bud_one")).json["amount"] == "5.5"


async def test_a_dry_run_shows_the_changes_and_makes_none(office: Office) -> None:
    shown = await apply(office, WANTED, dry_run=True)

    assert writes(office) == 0
    assert (shown["applied"], shown["batches"], shown["secrets"]) == (False, 0, {})
    assert shown["changes"] == (await apply(office, WANTED))["changes"]


async def test_what_is_as_it_shall_be_is_not_written(office: Office) -> None:
    await apply(office, WANTED)
    before = writes(office)

    again = await apply(office, WANTED)

    assert writes(office) == before
    assert (again["changes"], again["applied"], again["batches"], again["secrets"]) == ([], True, 0, {})


async def test_only_what_differs_is_changed(office: Office) -> None:
    await apply(office, WANTED)

    applied = await apply(office, {**WANTED, "users": [{"id": "ada", "team": "search", "name": "Ada"}]})

    (change,) = applied["changes"]
    assert (change["action"], change["address"]) == ("update", "teams/search/users/ada")
    assert change["before"] == {"id": "ada", "team": "search"}
    assert change["after"] == {"id": "ada", "team": "search", "name": "Ada"}


async def test_what_is_not_listed_stays_unless_it_is_pruned(furnished: Office) -> None:
    kept = {"areas": [{"id": "retail"}], "teams": [{"id": "platform", "area": "retail"}]}
    assert (await apply(furnished, kept))["changes"] == []

    pruned = await apply(furnished, kept, prune=True)

    assert {change["action"] for change in pruned["changes"]} == {"delete"}
    assert [item["id"] for item in (await exported(furnished))["teams"]] == ["platform"]
    assert (await exported(furnished))["keys"] == []


async def test_an_applied_export_changes_nothing(furnished: Office) -> None:
    before = writes(furnished)

    applied = await apply(furnished, await exported(furnished), prune=True)

    assert applied["changes"] == []
    assert writes(furnished) == before


async def test_more_than_fits_at_once_is_made_in_batches_that_are_each_complete(office: Office) -> None:
    users = [{"id": f"user-{number}", "team": "search"} for number in range(120)]

    applied = await apply(office, {**WANTED, "users": users})

    assert applied["applied"]
    assert applied["batches"] == 3
    assert len(await office.items("teams/search/users")) == 120
    assert len((await exported(office))["users"]) == 120


async def test_after_a_store_that_left_in_the_middle_applying_again_goes_on() -> None:
    office, documents = failing()
    users = [{"id": f"user-{number}", "team": "search"} for number in range(120)]
    keys = [{"id": f"vk_{number}", "owner": "teams/search"} for number in range(20)]
    wanted = {**WANTED, "users": users, "keys": [*WANTED["keys"], *keys]}
    documents.batches_left = 3

    stopped = await apply(office, wanted)

    assert (stopped["applied"], stopped["batches"]) == (False, 3)
    assert stopped["stopped_by"]
    made = await exported(office)
    assert len(stopped["changes"]) == 1 + sum(len(items) for name, items in made.items() if name != "organization")
    assert set(stopped["secrets"]) == {key["id"] for key in made["keys"]}
    assert len(stopped["secrets"]) > 0

    documents.batches_left = 10**6
    finished = await apply(office, wanted)
    assert finished["applied"]
    assert set(stopped["secrets"]) | set(finished["secrets"]) == {"vk_one", *(key["id"] for key in keys)}
    assert set(stopped["secrets"]) & set(finished["secrets"]) == set()


@pytest.mark.parametrize("down", [0, 1])
async def test_a_store_that_leaves_leaves_all_or_nothing(down: int) -> None:
    office, documents = failing()
    documents.batches_left = down

    answer = await office.call("POST", "apply", {"resources": WANTED})

    assert answer.status == (200 if down else 503)
    made = await exported(office)
    assert len(made["keys"]) + len(made["budgets"]) + len(made["teams"]) == 3 * down
    assert len(await office.items("audit")) == 8 * down


@pytest.mark.parametrize(
    ("resources", "fields"),
    [
        ({"teams": [{"id": "x", "area": "nowhere"}]}, ["resources.teams[0].area"]),
        ({"keys": [{"id": "vk_1", "owner": "teams/x"}]}, ["resources.keys[0].owner"]),
        ({"areas": [{"id": "x"}, {"id": "x"}]}, ["resources.areas[1]"]),
        ({"areas": [{"id": "filed", "name": "Mine"}]}, ["resources.areas[0]"]),
        ({"areas": [{"id": "x", "colour": 1}]}, ["resources.areas[0].colour"]),
        ({"budgets": [{"id": "bud_1", "scope": "organization"}]}, ["resources.budgets[0].amount"]),
        ({"people": []}, ["resources.people"]),
        (
            {"teams": [{"id": "x", "area": "nowhere"}], "policies": [{"id": "pol_1", "scope": "teams/y"}]},
            ["resources.teams[0].area", "resources.policies[0].scope"],
        ),
    ],
)
async def test_what_cannot_be_applied_is_told_by_its_place_and_nothing_is_changed(
    office: Office, resources: object, fields: list[str]
) -> None:
    answer = await office.call("POST", "apply", {"resources": resources})

    assert (answer.status, answer.fields) == (422, fields)
    assert writes(office) == 0


async def test_pruning_what_something_still_needs_is_refused(furnished: Office) -> None:
    answer = await furnished.call(
        "POST", "apply", {"resources": {"teams": [{"id": "a", "area": "retail"}]}, "prune": True}
    )

    assert (answer.status, answer.fields) == (422, ["resources.teams[0].area"])


async def test_what_the_file_stands_on_is_not_pruned() -> None:
    office = Office(declared=(Policy(id="pol_filed", scope="areas/retail"),))
    await office.made("areas", {"id": "retail"})

    answer = await office.call("POST", "apply", {"resources": {}, "prune": True})

    assert answer.status == 409
    assert "policies/pol_filed" in answer.json["detail"]


async def test_the_key_in_use_is_not_pruned(furnished: Office) -> None:
    await furnished.made("keys", {"id": "vk_root", "owner": "teams/platform", "role": "platform_admin"})

    answer = await furnished.call("POST", "apply", {"resources": {}, "prune": True})

    assert answer.status == 409
    assert (await furnished.call("GET", "keys/vk_root")).status == 200


async def test_a_key_that_is_applied_stays_in_its_team(furnished: Office) -> None:
    answer = await furnished.call("POST", "apply", {"resources": {"keys": [{"id": "vk_key-a", "owner": "teams/b"}]}})

    assert (answer.status, answer.fields) == (422, ["resources.keys[0].owner"])


async def test_what_hangs_on_a_key_that_is_made_with_it_belongs_to_its_team(furnished: Office) -> None:
    await apply(
        furnished,
        {
            "keys": [{"id": "vk_new", "owner": "teams/a"}],
            "policies": [{"id": "pol_new", "scope": "keys/vk_new"}],
        },
    )

    assert "pol_new" in [policy["id"] for policy in await furnished.items("policies", by=ADMIN_A)]


async def test_two_who_apply_the_same_at_once_make_it_once(office: Office) -> None:
    answers = await asyncio.gather(*(apply(office, WANTED) for _ in range(4)))

    assert sorted(len(answer["changes"]) for answer in answers) == [0, 0, 0, 8]
    assert sum(len(answer["secrets"]) for answer in answers) == 1


async def test_an_auditor_exports_what_a_team_admin_may_not(furnished: Office) -> None:
    assert (await furnished.call("GET", "export", by=AUDITOR)).status == 200
    assert (await furnished.call("GET", "export", by=ADMIN_A)).status == 403


async def test_what_was_shown_is_what_is_made(office: Office) -> None:
    shown = await apply(office, WANTED, dry_run=True)

    made = await apply(office, WANTED, expect=shown["fingerprint"])

    assert (made["applied"], made["changes"], made["fingerprint"]) == (True, shown["changes"], shown["fingerprint"])


async def test_where_something_else_would_be_made_than_was_shown_nothing_is(office: Office) -> None:
    shown = await apply(office, WANTED, dry_run=True)
    await office.made("areas", {"id": "retail", "name": "Made meanwhile"})
    before = writes(office)

    answer = await office.call("POST", "apply", {"resources": WANTED, "expect": shown["fingerprint"]})

    assert answer.status == 409
    assert writes(office) == before


async def test_what_was_not_shown_is_not_made_in_a_later_batch_either() -> None:
    office, documents = failing()
    wanted = {"teams": [{"id": "t"}], "users": [{"id": f"user-{number:03}", "team": "t"} for number in range(120)]}
    shown = await apply(office, wanted, dry_run=True)
    documents.after_batches[1] = lambda: beside(office).made("teams/t/users", {"id": "user-119", "name": "Mine"})

    made = await apply(office, wanted, expect=shown["fingerprint"])

    assert (made["applied"], made["batches"]) == (False, 1)
    assert "than were shown" in made["stopped_by"]
    assert (await office.call("GET", "teams/t/users/user-119")).json["name"] == "Mine"


async def test_a_change_by_others_between_two_batches_is_seen() -> None:
    office, documents = failing()
    wanted = {"teams": [{"id": "t"}], "users": [{"id": f"user-{number:03}", "team": "t"} for number in range(120)]}
    documents.after_batches[1] = lambda: beside(office).made("teams/t/users", {"id": "user-119", "name": "Theirs"})

    made = await apply(office, wanted)

    assert made["applied"]
    assert [change["action"] for change in made["changes"]].count("update") == 1
    assert len(await office.items("teams/t/users")) == 120


async def test_the_directory_is_read_once_however_many_batches_there_are() -> None:
    office, documents = failing()
    queries = []
    for count in (10, 200):
        documents.queries = 0
        made = await apply(office, {"teams": [{"id": f"t-{count}-{number}"} for number in range(count)]})
        queries.append((made["batches"], documents.queries))

    assert queries == [(1, 8), (5, 8)]


async def test_keys_are_kept_where_the_document_says_nothing_of_them(furnished: Office) -> None:
    exported_ = await exported(furnished)
    wanted = {**exported_, "keys": [], "policies": [], "budgets": []}

    pruned = await apply(furnished, wanted, prune=True, keep=["keys"])

    assert {change["address"].split("/")[0] for change in pruned["changes"]} == {"policies", "budgets"}
    assert len((await exported(furnished))["keys"]) == len(exported_["keys"]) == 2


async def test_what_is_kept_is_not_left_hanging(furnished: Office) -> None:
    answer = await furnished.call("POST", "apply", {"resources": {}, "prune": True, "keep": ["keys"]})

    assert answer.status == 409
    assert "keys/vk_key-a, which stays, depends on teams/a/applications/app-a" in answer.json["detail"]


NAMES = st.sampled_from(["x", "y", "z"])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any small document whose references hold."""
    areas = draw(st.lists(NAMES, unique=True))
    teams = draw(st.lists(NAMES, unique=True, min_size=1))
    area = st.sampled_from([None, *areas])
    team = st.sampled_from(teams)
    keys = draw(st.lists(NAMES, unique=True))
    scopes = st.sampled_from(["organization", *(f"teams/{id}" for id in teams), *(f"keys/vk_{id}" for id in keys)])
    amounts = st.decimals(0, 10**6, places=9).map(str)
    return {
        "areas": [{"id": id} for id in areas],
        "teams": [{"id": id} | ({"area": of} if (of := draw(area)) else {}) for id in teams],
        "users": [{"id": id, "team": draw(team)} for id in draw(st.lists(NAMES, unique=True))],
        "keys": [{"id": f"vk_{id}", "owner": f"teams/{teams[0]}", "disabled": draw(st.booleans())} for id in keys],
        "policies": [{"id": f"pol_{id}", "scope": draw(scopes)} for id in draw(st.lists(NAMES, unique=True))],
        "budgets": [
            {"id": f"bud_{id}", "scope": draw(scopes), "amount": draw(amounts)}
            for id in draw(st.lists(NAMES, unique=True))
        ],
    }


@settings(max_examples=40, deadline=None)
@given(first=documents(), second=documents())
def test_applying_twice_is_applying_once_and_an_export_is_what_was_applied(first: Any, second: Any) -> None:
    async def story() -> None:
        office = Office()
        await apply(office, first, prune=True)
        for key in second["keys"]:
            # A key stays in its team.
            key["owner"] = next((old["owner"] for old in first["keys"] if old["id"] == key["id"]), key["owner"])
            if key["owner"].removeprefix("teams/") not in [team["id"] for team in second["teams"]]:
                second["teams"].append({"id": key["owner"].removeprefix("teams/")})
        await apply(office, second, prune=True)
        before = writes(office)

        assert (await apply(office, second, prune=True))["changes"] == []
        assert (await apply(office, await exported(office), prune=True))["changes"] == []
        assert writes(office) == before
        assert (await office.call("GET", "audit/verify")).json["ok"]

    asyncio.run(story())
