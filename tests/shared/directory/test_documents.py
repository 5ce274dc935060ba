"""What is stored comes back as it was, and says only what it has to."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from shared.directory.documents import (
    KeyDigest,
    Stored,
    body_of,
    digest_body,
    digest_id,
    document_id,
    is_live,
    owning_team,
    stored_of,
    tombstone_of,
)
from shared.directory.model import (
    Application,
    Area,
    Budget,
    Key,
    Organization,
    Policy,
    Quota,
    RateLimit,
    Resource,
    Role,
    Team,
    Threshold,
    User,
)
from shared.documents import Document

THEN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
RESOURCES: list[tuple[Resource, str | None]] = [
    (Organization(name="ACME", cost_center="CC-1"), None),
    (Area(id="retail", client="Contoso"), None),
    (Team(id="search", area="retail", models=("gpt-*", "o3")), "search"),
    (Application(id="crawler", team="search", project="Index"), "search"),
    (User(id="ada@example.org", team="search"), "search"),
    (
        Key(
            id="vk_1",
            owner="teams/search/users/ada@example.org",
            role=Role.TEAM_ADMIN,
            endpoints=("chat.*",),
            cidrs=("10.0.0.0/8", "2001:db8::/32"),
            expires_at=datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))),
            disabled=True,
        ),
        "search",
    ),
    (
        Policy(
            id="pol_1",
            scope="teams/search",
            rate_limits=(RateLimit(unit="tokens", limit=10**15, algorithm="smooth"),),
            quotas=(Quota(tokens=0, time_zone="Europe/Berlin"),),
        ),
        "search",
    ),
    (
        Budget(
            id="bud_1",
            scope="keys/vk_1",
            amount=Decimal("999999999.123456789"),
            thresholds=(Threshold(percent=80, action="downshift", model="small"),),
        ),
        None,
    ),
]


@pytest.mark.parametrize(("resource", "team"), RESOURCES, ids=lambda value: type(value).__name__)
def test_what_is_stored_comes_back_as_it_was(resource: Resource, team: str | None) -> None:
    digests = (KeyDigest("a" * 64), KeyDigest("b" * 64, NOW)) if isinstance(resource, Key) else ()
    hint = "sk-AbCd" if isinstance(resource, Key) else None
    stored = Stored(resource, "7", NOW, THEN, digests, hint)

    assert stored_of(Document(body_of(stored, team), "7")) == stored
    assert owning_team(resource) == team


def test_a_document_says_to_which_node_and_team_it_belongs() -> None:
    body = body_of(Stored(Policy(id="pol_1", scope="keys/vk_1"), "", NOW, NOW), "search")

    assert (body["id"], body["kind"], body["scope"], body["team"]) == (
        "policies|pol_1",
        "policy",
        "keys/vk_1",
        "search",
    )
    assert "digests" not in body


def test_a_tombstone_holds_nothing_of_the_resource() -> None:
    body = body_of(Stored(Team(id="search", name="Search"), "", NOW, NOW), "search")

    assert tombstone_of(body) == {
        "schema": 1,
        "id": "teams|search",
        "kind": "deleted-team",
        "scope": "teams/search",
        "team": "search",
        "deleted": True,
    }
    assert tombstone_of(digest_body("vk_1", KeyDigest("a" * 64))).keys().isdisjoint({"key"})


def test_a_tombstone_is_not_live_and_neither_is_nothing() -> None:
    body = body_of(Stored(Team(id="search"), "", NOW, NOW), "search")

    assert is_live(Document(body, "1"))
    assert not is_live(Document(tombstone_of(body), "1"))
    assert not is_live(None)


def test_no_two_addresses_have_one_document() -> None:
    assert document_id("teams/search/users/ada") == "teams|search|users|ada"
    assert document_id("organization") == "organization"
    assert digest_id("a" * 64) == f"digest|{'a' * 64}"


def test_a_secret_works_until_the_very_end_of_its_grace() -> None:
    assert KeyDigest("a").works(NOW)
    assert KeyDigest("a", NOW).works(NOW - timedelta(microseconds=1))
    assert not KeyDigest("a", NOW).works(NOW)


def test_a_digest_is_not_shown_where_objects_are_printed() -> None:
    stored = Stored(Key(id="vk_1", owner="teams/search"), "1", NOW, NOW, (KeyDigest("c0ffee", NOW),))

    assert "c0ffee" not in repr(stored)
