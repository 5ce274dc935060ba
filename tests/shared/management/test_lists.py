from datetime import UTC, datetime
from decimal import Decimal

from shared.budgets.model import Alert
from shared.directory.model import Mode
from shared.windows import Window
from tests.shared.management.office import ADMIN_A, ADMIN_B, AUDITOR, DEV_A, Office

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


async def raise_alert(office: Office, team: str | None, percent: int, scope: str | None = None) -> None:
    scope = scope or (f"teams/{team}" if team else "organization")
    alert = Alert(
        f"bud_{scope}", scope, team, Window("month-2026-01-01", START, END), percent, "alert", Decimal(10), Decimal("5.25"),
        office.clock.now(), Mode.ENFORCE,
    )  # fmt: skip
    assert await office.alerts.raise_once(alert)
    office.clock.advance(1)


async def test_alerts_are_listed_newest_first_each_to_whom_they_concern(office: Office) -> None:
    for percent in (50, 80, 100):
        for team in ("a", "b", None):
            await raise_alert(office, team, percent)

    everything = await office.items("alerts?limit=2", by=AUDITOR)
    own = await office.items("alerts?limit=2", by=ADMIN_A)

    assert [(alert["team"], alert["percent"]) for alert in everything] == [
        (team, percent) for percent in (100, 80, 50) for team in (None, "b", "a")
    ]
    assert [(alert["team"], alert["percent"]) for alert in own] == [("a", 100), ("a", 80), ("a", 50)]
    assert (own[0]["amount"], own[0]["spent"]) == ("10", "5.25")
    assert (await office.call("GET", "alerts", by=DEV_A)).status == 403


async def test_the_audit_log_says_who_changed_what_when_and_how(furnished: Office) -> None:
    read = await furnished.call("GET", "teams/a")
    furnished.clock.advance(60)
    changed = await furnished.call("PATCH", "teams/a", {"name": "Search"}, match=read.etag)

    (entry,) = (await furnished.call("GET", "audit?target=teams/a&limit=1")).json["data"]

    assert (entry["action"], entry["target"]) == ("team.update", "teams/a")
    assert entry["actor"] == {"id": "vk_root", "kind": "virtual_key"}
    assert entry["at"] == furnished.clock.now().isoformat()
    assert "name" not in entry["before"]
    assert entry["after"]["name"] == "Search"
    assert entry["request_id"] == changed.headers["x-request-id"]


async def test_a_team_admin_sees_the_entries_of_the_own_team_only(furnished: Office) -> None:
    everything = await furnished.items("audit", by=AUDITOR)
    of_a = await furnished.items("audit?limit=2", by=ADMIN_A)
    of_b = await furnished.items("audit", by=ADMIN_B)

    assert [entry["target"] for entry in of_a] == [
        "policies/pol_team-a",
        "budgets/bud_on-a",
        "policies/pol_on-a",
        "keys/vk_key-a",
        "teams/a/users/user-a",
        "teams/a/applications/app-a",
        "teams/a",
    ]
    assert len(of_b) == 6
    assert {entry["seal"] for entry in of_a} & {entry["seal"] for entry in of_b} == set()
    assert len(everything) == len(of_a) + len(of_b) + 2
    assert [entry["seq"] for entry in everything] == list(range(len(everything), 0, -1))
    assert [entry for entry in (*of_a, *of_b) if "seq" in entry] == []


async def test_what_others_change_shows_neither_in_a_team_admins_pages_nor_in_how_many_there_are(
    furnished: Office,
) -> None:
    for number in range(30):
        await furnished.made("areas", {"id": f"area-{number}"})

    page = (await furnished.call("GET", "audit?limit=7", by=ADMIN_A)).json

    assert len(page["data"]) == 7
    assert (await furnished.call("GET", "audit?limit=100", by=ADMIN_A)).json == {"data": page["data"], "next": None}


async def test_the_history_of_what_hung_on_a_key_stays_with_the_team_when_the_key_is_gone(furnished: Office) -> None:
    for address in ("policies/pol_on-a", "keys/vk_key-a"):
        assert (await furnished.call("DELETE", address)).status == 204

    seen = [entry["target"] for entry in await furnished.items("audit", by=ADMIN_A)]

    assert seen.count("policies/pol_on-a") == 2
    assert seen.count("keys/vk_key-a") == 2
    assert await furnished.items("audit?target=policies/pol_on-a", by=ADMIN_B) == []


async def test_tampering_with_the_audit_log_shows(furnished: Office) -> None:
    assert (await furnished.call("GET", "audit/verify", by=AUDITOR)).json["ok"]
    entry = await furnished.documents.get("directory", "organization", "audit|000000000003")
    assert entry is not None

    await furnished.documents.upsert("directory", "organization", {**entry.body, "action": "team.delete"})

    answer = await furnished.call("GET", "audit/verify", by=AUDITOR)
    assert answer.json == {"ok": False, "entries": 2, "first_broken": 3, "first_difference": None}


async def test_a_resource_that_was_changed_past_the_audit_log_shows(furnished: Office) -> None:
    stored = await furnished.documents.get("directory", "organization", "budgets|bud_on-a")
    assert stored is not None
    assert isinstance(stored.body["resource"], dict)

    richer = {**stored.body, "resource": {**stored.body["resource"], "amount": "7000"}}
    await furnished.documents.upsert("directory", "organization", richer)

    answer = (await furnished.call("GET", "audit/verify", by=AUDITOR)).json
    assert (answer["ok"], answer["first_broken"], answer["first_difference"]) == (False, None, "budgets/bud_on-a")


async def test_alerts_of_budgets_above_the_team_are_not_for_its_admins(office: Office) -> None:
    for scope in ("organization", "areas/retail", "teams/a", "teams/a/users/u", "keys/vk_a"):
        await raise_alert(office, "a", 50, scope)

    assert [alert["scope"] for alert in await office.items("alerts", by=ADMIN_A)] == [
        "keys/vk_a",
        "teams/a/users/u",
        "teams/a",
    ]
    assert [alert["team"] for alert in await office.items("alerts", by=AUDITOR)] == ["a", "a", "a", None, None]


async def test_when_a_key_was_used_last_is_read_with_it(furnished: Office) -> None:
    used = furnished.clock.now()
    await furnished.uses.note("vk_key-a", used)

    listed = {key["id"]: key.get("last_used_at") for key in await furnished.items("keys")}

    assert listed == {"vk_key-a": used.isoformat(), "vk_key-b": None}
    assert (await furnished.call("GET", "keys/vk_key-a")).json["last_used_at"] == used.isoformat()
