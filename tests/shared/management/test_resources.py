import asyncio

import pytest

from tests.shared.management.office import ADMIN_A, ROOT, Office

NEW = {
    "areas": {"id": "new"},
    "teams": {"id": "new", "area": "retail"},
    "teams/a/applications": {"id": "new"},
    "teams/a/users": {"id": "ada@example.com"},
    "keys": {"owner": "teams/a/users/user-a", "name": "ci"},
    "policies": {"scope": "teams/a", "max_output_tokens": 100},
    "budgets": {"scope": "areas/retail", "amount": "12.000000001"},
}


@pytest.mark.parametrize("path", NEW)
async def test_what_is_created_can_be_read_replaced_changed_and_deleted(furnished: Office, path: str) -> None:
    made = await furnished.call("POST", path, NEW[path])
    assert made.status == 201
    address = made.headers["location"].removeprefix("/api/v1/")
    assert NEW[path].items() <= made.json.items()

    read = await furnished.call("GET", address)
    assert (read.status, read.etag) == (200, made.etag)
    assert read.json == {name: value for name, value in made.json.items() if name != "secret"}

    replaced = await furnished.call("PUT", address, {**read.json, "name": "first"}, match=read.etag)
    assert (replaced.status, replaced.json["name"]) == (200, "first")
    changed = await furnished.call("PATCH", address, {"name": "second"}, match=replaced.etag)
    assert (changed.status, changed.json["name"]) == (200, "second")
    removed = await furnished.call("PATCH", address, {"name": None}, match=changed.etag)
    assert "name" not in removed.json

    assert (await furnished.call("DELETE", address)).status == 204
    assert (await furnished.call("GET", address)).status == 404


@pytest.mark.parametrize("path", NEW)
async def test_a_field_that_is_not_known_is_refused_and_named(furnished: Office, path: str) -> None:
    answer = await furnished.call("POST", path, {**NEW[path], "colour": "red"})

    assert (answer.status, answer.fields) == (422, ["colour"])


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("teams", {"id": "x", "area": "nowhere"}, "area"),
        ("teams/nobody/users", {"id": "x"}, "team"),
        ("keys", {"owner": "teams/a/users/nobody"}, "owner"),
        ("policies", {"scope": "keys/vk_nobody"}, "scope"),
        ("budgets", {"scope": "areas/nowhere", "amount": 1}, "scope"),
        ("budgets", {"scope": "teams/a", "amount": 1, "thresholds": [{"percent": 0}]}, "thresholds[0].percent"),
        ("budgets", {"scope": "teams/a", "amount": 1, "thresholds": []}, "thresholds"),
        ("policies", {"scope": "teams/a", "rate_limits": [{"unit": "requests"}]}, "rate_limits[0].limit"),
        ("keys", {"owner": "teams/a", "cidrs": ["10.0.0.1/8"]}, "cidrs[0]"),
        ("teams", {}, "id"),
        ("teams/a/users", {"id": "x", "team": "b"}, "team"),
    ],
)
async def test_what_is_wrong_is_told_by_its_field(furnished: Office, path: str, body: object, field: str) -> None:
    answer = await furnished.call("POST", path, body)

    assert (answer.status, answer.fields) == (422, [field])
    assert answer.headers["content-type"] == "application/problem+json"


async def test_two_cannot_create_the_same(furnished: Office) -> None:
    assert (await furnished.call("POST", "teams", {"id": "a"})).status == 409


async def test_of_two_who_have_read_the_same_version_one_is_told(furnished: Office) -> None:
    etag = (await furnished.call("GET", "teams/a")).etag

    answers = await asyncio.gather(
        *(furnished.call("PATCH", "teams/a", {"name": name}, match=etag) for name in ("first", "second", "third"))
    )

    assert sorted(answer.status for answer in answers) == [200, 412, 412]
    (winner,) = [answer for answer in answers if answer.status == 200]
    assert (await furnished.call("GET", "teams/a")).etag == winner.etag


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_who_does_not_say_what_he_has_read_changes_nothing(furnished: Office, method: str) -> None:
    answer = await furnished.call(method, "teams/a", {"name": "x"})

    assert answer.status == 428
    assert "name" not in (await furnished.call("GET", "teams/a")).json


@pytest.mark.parametrize("match", ['"other"', 'W/"1"', '"x", "y"'])
async def test_another_version_is_not_overwritten_nor_deleted(furnished: Office, match: str) -> None:
    read = await furnished.call("GET", "teams/a/users/user-a")

    assert (await furnished.call("PATCH", "teams/a/users/user-a", {"name": "x"}, match=match)).status == 412
    assert (await furnished.call("DELETE", "teams/a/users/user-a", match=match)).status in (409, 412)
    assert (await furnished.call("GET", "teams/a/users/user-a")).etag == read.etag


@pytest.mark.parametrize("match", ["*", 'W/"1", {etag}', '"other",{etag}'])
async def test_any_of_the_named_versions_will_do(furnished: Office, match: str) -> None:
    etag = (await furnished.call("GET", "teams/a")).etag

    answer = await furnished.call("PATCH", "teams/a", {"name": "x"}, match=match.replace("{etag}", etag))

    assert answer.status == 200


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("areas/retail", "teams/a, teams/b, teams/platform"),
        ("teams/a", "teams/a/applications/app-a, teams/a/users/user-a, policies/pol_team-a"),
        ("teams/a/applications/app-a", "keys/vk_key-a"),
        ("teams/a/users/user-a", "budgets/bud_on-a"),
        ("keys/vk_key-a", "policies/pol_on-a"),
    ],
)
async def test_nothing_is_deleted_while_something_stands_on_it(furnished: Office, address: str, named: str) -> None:
    answer = await furnished.call("DELETE", address)

    assert answer.status == 409
    assert answer.json["detail"].endswith(f": {named}.")
    assert (await furnished.call("GET", address)).status == 200


async def test_what_the_file_defines_is_shown_and_cannot_be_touched(office: Office) -> None:
    read = await office.call("GET", "areas/filed")
    assert read.json == {"id": "filed", "managed_by": "file"}

    for method, body in (("PUT", {}), ("PATCH", {"name": "x"}), ("DELETE", None)):
        answer = await office.call(method, "areas/filed", body, match="*")
        assert answer.status == 409
        assert "configuration file" in answer.json["detail"]
    assert (await office.call("POST", "areas", {"id": "filed"})).status == 409
    assert (await office.call("POST", "teams", {"id": "x", "area": "filed"})).status == 201


async def test_the_organization_is_there_before_anybody_describes_it(office: Office) -> None:
    read = await office.call("GET", "organization")
    assert read.json == {"managed_by": "api"}

    named = await office.call("PATCH", "organization", {"name": "Contoso"}, match=read.etag)
    assert (named.status, named.json["name"]) == (200, "Contoso")
    again = await office.call("PUT", "organization", {"cost_center": "1"}, match=named.etag)
    assert (again.json["cost_center"], "name" in again.json) == ("1", False)


async def test_the_address_decides_which_resource_it_is(furnished: Office) -> None:
    for body in ({"id": "b"}, {"id": "a", "team": "b"}):
        answer = await furnished.call("PUT", "teams/a/users/user-a", body, match="*")
        assert answer.status == 422


async def test_an_amount_stays_exact(furnished: Office) -> None:
    made = await furnished.call("POST", "budgets", b'{"scope": "teams/a", "amount": 123456789.123456789}')

    assert made.json["amount"] == "123456789.123456789"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"role": "developer"}, 409),
        ({"disabled": True}, 409),
        ({"expires_at": "2026-01-02T00:00:00Z"}, 409),
        ({"name": "mine"}, 200),
    ],
)
async def test_nobody_saws_off_the_branch_he_sits_on(furnished: Office, body: object, code: int) -> None:
    await furnished.made("keys", {"id": "vk_root", "owner": "teams/platform", "role": "platform_admin"})

    assert (await furnished.call("PATCH", "keys/vk_root", body, match="*")).status == code
    assert (await furnished.call("DELETE", "keys/vk_root")).status == 409
    assert (await furnished.call("POST", "keys/vk_root/disable")).status == 409


async def test_a_key_stays_in_its_team(furnished: Office) -> None:
    for by in (ROOT, ADMIN_A):
        answer = await furnished.call("PATCH", "keys/vk_key-a", {"owner": "teams/b"}, match="*", by=by)
        assert (answer.status, answer.fields) == (422, ["owner"])


async def test_lists_lose_nothing_between_pages(furnished: Office) -> None:
    for number in range(7):
        await furnished.made("areas", {"id": f"area-{number}"})
    everything = [area["id"] for area in await furnished.items("areas")]

    assert everything == ["filed", *(f"area-{number}" for number in range(7)), "retail"]
    for limit in (1, 2, 3, 9, 200):
        assert [area["id"] for area in await furnished.items(f"areas?limit={limit}")] == everything


async def test_lists_can_be_narrowed(furnished: Office) -> None:
    assert [key["id"] for key in await furnished.items("keys?team=b")] == ["vk_key-b"]
    assert [key["id"] for key in await furnished.items("keys?owner=teams/a/applications/app-a")] == ["vk_key-a"]
    assert [policy["id"] for policy in await furnished.items("policies?scope=teams/a")] == ["pol_team-a"]
    assert [budget["id"] for budget in await furnished.items("budgets?scope=teams/b/users/user-b")] == ["bud_on-b"]
    assert await furnished.items("keys?owner=teams/b") == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=abc", "cursor=%C3%BC", "colour=red"])
async def test_a_wrong_query_is_told_by_its_field(furnished: Office, query: str) -> None:
    answer = await furnished.call("GET", f"teams?{query}")

    assert (answer.status, answer.fields) == (422, [query.split("=")[0]])


async def test_a_cursor_is_good_for_its_own_list_only(furnished: Office) -> None:
    cursor = (await furnished.call("GET", "keys?limit=1")).json["next"]

    assert cursor
    for path in (f"keys?team=a&cursor={cursor}", f"policies?cursor={cursor}"):
        assert (await furnished.call("GET", path)).fields == ["cursor"]
    assert (await furnished.call("GET", f"keys?cursor={cursor}", by=ADMIN_A)).fields == ["cursor"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b'"0E+999999999"', "0"),
        (b'"1E+5"', "100000"),
        (b"1e5", "100000"),
        (b"0.000000001", "0.000000001"),
        (b'"10.10"', "10.1"),
        (b"1000000000", "1000000000"),
    ],
)
async def test_an_amount_is_told_in_plain_digits_and_everywhere_the_same(
    furnished: Office, written: bytes, told: str
) -> None:
    made = await furnished.call("POST", "budgets", b'{"id": "bud_x", "scope": "teams/a", "amount": ' + written + b"}")

    assert (made.status, made.json["amount"]) == (201, told)
    assert (await furnished.call("GET", "budgets/bud_x")).json["amount"] == told
    assert (await furnished.call("GET", "budgets/bud_x/status")).json["amount"] == told
    exported = (await furnished.call("GET", "export")).json["budgets"]
    assert [budget["amount"] for budget in exported if budget["id"] == "bud_x"] == [told]
    (entry,) = await furnished.items("audit?target=budgets/bud_x")
    assert entry["after"]["amount"] == told


async def test_a_number_that_is_too_long_names_its_field(furnished: Office) -> None:
    body = b'{"scope": "teams/a", "max_prompt_bytes": 1e-3000000}'

    answer = await furnished.call("POST", "policies", body)

    assert (answer.status, answer.fields) == (422, ["max_prompt_bytes"])
