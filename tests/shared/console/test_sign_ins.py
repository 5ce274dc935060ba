"""Who gets in, for how long, and what other sites cannot do in his name."""

from datetime import timedelta

import pytest

from shared.console.sign_ins import CONTAINER, COOKIE
from tests.shared.console.browser import Browser
from tests.shared.management.office import ADMIN_A, DEV_A, PEPPER, ROOT, Office


def stored(office: Office) -> list[bytes]:
    found = office.documents._versions.items()  # type: ignore[attr-defined]
    return [version.raw for (container, _, _), version in found if container == CONTAINER]


async def test_a_key_opens_the_console_and_the_browser_gets_a_token_that_scripts_cannot_read(browser: Browser) -> None:
    view = await browser.sign_in(ROOT)

    cookie = view.headers["set-cookie"]
    assert (view.status, view.headers["location"]) == (303, "/console")
    for part in (f"{COOKIE}=", "Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=43200"):
        assert part in cookie
    assert "Domain" not in cookie
    (raw,) = stored(browser.office)
    token = cookie.partition("=")[2].partition(";")[0]
    assert len(token) == 43
    assert token.encode() not in raw
    assert b'"root"' not in raw
    assert PEPPER not in raw


async def test_a_sign_in_is_in_the_audit_log(browser: Browser) -> None:
    await browser.sign_in(ROOT)

    (entry,) = (await browser.office.call("GET", "audit?limit=1")).json["data"]

    assert (entry["action"], entry["target"], entry["actor"]["id"]) == ("console.sign_in", "keys/vk_root", "vk_root")


@pytest.mark.parametrize("key", ["", "sk-unknown", DEV_A, "ü", "a\nb", "x" * 30_000])
async def test_no_other_key_opens_it_and_none_is_shown_again(browser: Browser, key: str) -> None:
    view = await browser.sign_in(key)

    assert view.status == 403
    assert "set-cookie" not in view.headers
    assert view.form("/console/sign-in").fields == {"key": ""}
    assert stored(browser.office) == []


@pytest.mark.parametrize(
    "address", ["/console", "/console/costs", "/console/reports/run_x/files/a.csv", "/console/nothing"]
)
async def test_whoever_is_not_signed_in_sees_the_sign_in_page_alone(browser: Browser, address: str) -> None:
    view = await browser.get(address)
    sent = await browser.send("POST", address, {"a": "b"})

    assert (view.status, sent.status) == (200, 401)
    assert [form.action for form in (*view.page.forms, *sent.page.forms)] == ["/console/sign-in"] * 2


async def test_it_ends_after_twelve_hours(browser: Browser) -> None:
    await browser.sign_in(ROOT)

    browser.office.clock.advance(timedelta(hours=12).total_seconds() - 1)
    before = await browser.get("/console/alerts")
    browser.office.clock.advance(1)
    after = await browser.get("/console/alerts")

    assert "Sign out" in before.text
    assert "Sign out" not in after.text


async def test_signing_out_ends_it_here_and_for_whoever_has_the_cookie(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    cookie = browser.cookie
    page = await browser.get("/console/alerts")

    out = await browser.submit(page.form("/console/sign-out"))
    browser.cookie = cookie

    assert "Max-Age=0" in out.headers["set-cookie"]
    assert "Sign out" not in (await browser.get("/console/alerts")).text
    assert stored(browser.office) == []


@pytest.mark.parametrize("change", ["gone", "disabled", "expired", "elsewhere", "developer"])
async def test_what_happens_to_the_key_happens_to_the_visitor(browser: Browser, change: str) -> None:
    from dataclasses import replace
    from ipaddress import ip_network

    from shared.directory.model import Role

    await browser.sign_in(ROOT)
    people, now = browser.office.people, browser.office.clock.now()
    changes = {
        "disabled": {"disabled": True},
        "expired": {"expires_at": now},
        "elsewhere": {"networks": (ip_network("10.0.0.0/8"),)},
        "developer": {"role": Role.DEVELOPER},
    }
    if change == "gone":
        del people.known[ROOT]
    else:
        people.known[ROOT] = replace(people.known[ROOT], **changes[change])  # type: ignore[arg-type]

    assert "Sign out" not in (await browser.get("/console/alerts")).text


async def test_a_rotated_key_ends_what_its_old_secret_began(browser: Browser) -> None:
    office = browser.office
    await office.made("areas", {"id": "retail"})
    await office.made("teams", {"id": "a", "area": "retail"})
    made = await office.made("keys", {"id": "vk_admin", "owner": "teams/a", "role": "team_admin"})
    office.people.known[made.json["secret"]] = office.people.known[ADMIN_A].__class__(
        **{**_fields(office.people.known[ADMIN_A]), "id": "vk_admin"}
    )
    office.people.by_key["vk_admin"] = made.json["secret"]
    await browser.sign_in(made.json["secret"])
    before = await browser.get("/console/alerts")

    await office.call("POST", "keys/vk_admin/rotate", {"grace_s": 0})

    assert "Sign out" in before.text
    assert "Sign out" not in (await browser.get("/console/alerts")).text


def _fields(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[attr-defined]


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "https://gateway.example.com.evil.example"])
async def test_no_other_site_can_send_a_form(browser: Browser, origin: str | None) -> None:
    signing_in = await browser.send("POST", "/console/sign-in", {"key": ROOT}, origin=origin)
    await browser.sign_in(ROOT)
    page = await browser.get("/console/alerts")
    fields = page.form("/console/sign-out").fields

    signing_out = await browser.send("POST", "/console/sign-out", fields, origin=origin)

    assert (signing_in.status, signing_out.status) == (403, 403)
    assert "Sign out" in (await browser.get("/console/alerts")).text


@pytest.mark.parametrize("token", ["", "0" * 64, "ü"])
async def test_a_form_without_the_visitors_own_token_changes_nothing(browser: Browser, token: str) -> None:
    await browser.sign_in(ROOT)

    view = await browser.send("POST", "/console/periods/2026-02/close", {"form_token": token})

    assert view.status == 403
    assert (await browser.office.call("GET", "periods/2026-02")).json["state"] == "open"


async def test_the_token_of_one_visitor_is_none_of_another(browser: Browser) -> None:
    other = Browser(browser.office)
    await other.sign_in(ROOT)
    theirs = (await other.get("/console/alerts")).form("/console/sign-out").fields
    await browser.sign_in(ADMIN_A)

    assert (await browser.send("POST", "/console/sign-out", theirs)).status == 403


@pytest.mark.parametrize(
    "cookie", ["", COOKIE, f"{COOKIE}=", f"{COOKIE}=x", f"{COOKIE}={'x' * 43}", f"{COOKIE}=a; {COOKIE}=b"]
)
async def test_a_cookie_that_is_none_of_ours_is_nobody(browser: Browser, cookie: str) -> None:
    browser.cookie = cookie

    assert "Sign in to Tollgate" in (await browser.get("/console")).text


@pytest.mark.parametrize(
    "raw", [b"a=b&a=c", b"\xff=1", b"&".join(b"a%d=1" % i for i in range(200)), b"a=" + b"b" * 400_000]
)
async def test_a_form_that_is_none_is_refused(browser: Browser, raw: bytes) -> None:
    await browser.sign_in(ROOT)

    assert (await browser.send("POST", "/console/sign-out", raw=raw)).status in (400, 413, 422)
