"""Who gets in, for how long, and what other sites cannot do in his name."""

from datetime import timedelta

import pytest

from shared.console.service import Console
from shared.console.sign_ins import CONTAINER, COOKIE, LOCAL_COOKIE, SignIns
from tests.shared.console.browser import HOST, Browser, declared
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

    assert (entry["action"], entry["target"], entry["actor"]["id"]) == (
        "console.sign_in",
        "sign-ins/vk_root",
        "vk_root",
    )


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


async def test_signing_out_is_in_the_audit_log(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    await browser.submit((await browser.get("/console/alerts")).form("/console/sign-out"))

    entry, _ = (await browser.office.call("GET", "audit")).json["data"]

    assert (entry["action"], entry["target"], entry["actor"]["id"]) == (
        "console.sign_out",
        "sign-ins/vk_root",
        "vk_root",
    )


async def test_a_new_sign_in_ends_the_older_one_of_the_same_browser(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    older = browser.cookie
    page = await browser.get("/console/sign-in")
    assert page.status == 303
    await browser.send("POST", "/console/sign-in", {"key": ADMIN_A})
    assert "vk_admin-a" in (await browser.get("/console/alerts")).text

    browser.cookie = older

    assert "Sign out" not in (await browser.get("/console/alerts")).text
    assert len(stored(browser.office)) == 1


@pytest.mark.parametrize(
    "site", ["http://localhost:7071", "http://127.0.0.1:7071", "http://127.0.0.1", "http://[::1]:7071"]
)
async def test_over_plain_http_on_this_machine_the_cookie_is_one_that_every_browser_keeps(
    browser: Browser, site: str
) -> None:
    browser.site = site
    cookie = (await browser.sign_in(ROOT)).headers["set-cookie"]
    page = await browser.get("/console/alerts")
    out = await browser.submit(page.form("/console/sign-out"))

    assert cookie.startswith(f"{LOCAL_COOKIE}=")
    assert cookie.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")
    assert out.headers["set-cookie"].startswith(f"{LOCAL_COOKIE}=; Path=/; Max-Age=0;")
    assert stored(browser.office) == []


@pytest.mark.parametrize(
    "site",
    [
        "http://gateway.example.com",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:7071",
        "http://10.0.0.1",
        "https://localhost:7071",
    ],
)
async def test_anywhere_else_the_cookie_is_secure(browser: Browser, site: str) -> None:
    browser.site = site
    cookie = (await browser.sign_in(ROOT)).headers["set-cookie"]

    assert cookie.startswith(f"{COOKIE}=")
    assert "; Secure;" in cookie
    assert "Sign out" in (await browser.get("/console/alerts")).text


async def test_the_cookie_of_this_machine_signs_nobody_in_anywhere_else(browser: Browser) -> None:
    """Any neighbouring host could set it, to make a visitor work in another's name."""
    browser.site = "http://localhost:7071"
    await browser.sign_in(ROOT)
    browser.site = f"https://{HOST}"

    assert "Sign out" not in (await browser.get("/console/alerts")).text


async def test_whoever_tries_keys_has_to_wait(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    refused = [(await browser.sign_in(f"sk-guess{n}")).status for n in range(12)]
    right = await browser.sign_in(ROOT)
    browser.address = "192.0.2.2"
    other = await browser.sign_in(ROOT)
    browser.address = "192.0.2.1"
    browser.office.clock.advance(60)
    later = await browser.send("POST", "/console/sign-in", {"key": ROOT})

    assert refused == [403] * 10 + [429] * 2
    assert (right.status, right.headers["retry-after"]) == (429, "60")
    assert (other.status, later.status) == (303, 303)
    assert caplog.text.count("A sign-in from 192.0.2.1 was refused") == 10
    assert "guess" not in caplog.text


async def test_whoever_has_a_key_may_sign_in_as_often_as_he_likes(browser: Browser) -> None:
    assert [(await browser.send("POST", "/console/sign-in", {"key": ROOT})).status for _ in range(30)] == [303] * 30


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


async def test_a_key_of_the_file_that_was_replaced_ends_what_the_old_one_began(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    before = await browser.get("/console/alerts")

    office = browser.office
    others = declared(office, vk_root="sk-the-new-one")
    sign_ins = SignIns(office.documents, office.store, others, office.people, office.clock, PEPPER)
    browser.console = Console(office.api, sign_ins, office.store, office.clock, lambda _headers, peer: peer)

    assert "Sign out" in before.text
    assert "Sign out" not in (await browser.get("/console/alerts")).text


def _fields(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "origin", [None, "https://evil.example", "null", "https://gateway.example.com.evil.example", "https://["]
)
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
