"""Every page, for everybody who may see it: whole HTML, the right figures, and nothing that others wrote as markup."""

import pytest

from shared.reconciliation.recount import KEPT_S
from shared.reconciliation.zone import ZoneStore
from tests.shared.console.browser import Browser
from tests.shared.management.bookkeeping import NOON
from tests.shared.management.office import ADMIN_A, AUDITOR, ROOT, Office

MARCH = "from=2026-03-01&to=2026-04-01"
EVERYBODYS = ["/console", f"/console?{MARCH}&team=a", f"/console/costs?{MARCH}&by1=team&by2=model&grain=day", "/console/costs?by1=",
              f"/console/costs?{MARCH}&by1=tag", f"/console/entries?{MARCH}&team=a", "/console/alerts", "/console/sessions",
              "/console/sessions/a"]  # fmt: skip
READERS = [
    "/console/periods", "/console/periods/2026-02", "/console/reports", "/console/reconciliation",
    "/console/reconciliation?month=2026-03", "/console/dead-letters",
]  # fmt: skip


@pytest.mark.parametrize("by", [ROOT, AUDITOR, ADMIN_A])
@pytest.mark.parametrize("address", EVERYBODYS + READERS)
async def test_a_page_shows_whatever_others_have_called_things(browser: Browser, address: str, by: str) -> None:
    await browser.sign_in(by)

    view = await browser.get(address)

    if by == ADMIN_A and address in READERS:
        assert view.status == 403
    else:
        assert view.status == 200, view.text
        assert view.text.count("Tollgate") >= 1
    assert "script" not in view.page.tags
    assert not [name for name, _ in view.page.attributes if name == "style" or name.startswith("on")]
    assert "default-src 'none'" in view.headers["content-security-policy"]
    assert view.headers["cache-control"] == "no-store"


async def test_the_overview_and_the_costs_say_the_same_to_the_cent(browser: Browser) -> None:
    await browser.sign_in(ROOT)

    overview = await browser.get(f"/console?{MARCH}")
    costs = await browser.get(f"/console/costs?{MARCH}&by1=team")

    for view in (overview, costs):
        assert "1,234.57" in view.text
        assert ("title", "1234.569891234 USD") in view.page.attributes


async def test_bars_are_shares_of_what_was_charged_also_beside_a_credit_larger_than_that(browser: Browser) -> None:
    books = browser.office.bookkeeping
    await books.spend("c", NOON, 3 * 10**9, model="gpt-4o")
    await books.spend("c", NOON, 10**9, model="gpt-4.1")
    await books.spend("c", NOON, -(10**10), type="adjustment")
    await browser.sign_in(ROOT)

    overview = await browser.get(f"/console?{MARCH}&team=c")

    widths = [value for name, value in overview.page.attributes if name == "width"]
    assert "-6.00" in overview.text
    assert {"75.00", "25.00"} <= set(widths)


async def test_what_has_no_price_is_called_so(browser: Browser) -> None:
    await browser.sign_in(ROOT)

    costs = await browser.get(f"/console/costs?{MARCH}&by1=team&team=b")
    overview = await browser.get(f"/console?{MARCH}&team=b")

    assert "no price yet" in costs.text
    assert "no price yet" in overview.text
    assert "Calls without a price" in overview.text


async def test_a_figure_leads_to_its_entries_and_an_entry_to_everything_about_it(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    costs = await browser.get(f"/console/costs?{MARCH}&by1=model&by2=team&team=a")
    to_entries = [link for link in costs.page.links if link.startswith("/console/entries?")]

    listed = [await browser.get(link) for link in to_entries]
    (link,) = [link for link in listed[1].page.links if link.startswith("/console/entries/led_")]
    entry = await browser.get(link)

    assert [len([link for link in view.page.links if "/entries/led_" in link]) for view in listed] == [1, 1]
    assert "1234.567891234 USD" in entry.text
    assert "app-a" in entry.text


async def test_a_team_admin_sees_the_own_team_alone(browser: Browser) -> None:
    await browser.sign_in(ADMIN_A)

    view = await browser.get(f"/console/costs?{MARCH}&by1=team&by2=application")

    assert "app-a" in view.text
    assert "app-b" not in view.text
    assert {link for link in view.page.links if link.startswith("/console/")} >= {"/console/costs", "/console/alerts"}
    assert "/console/periods" not in view.page.links
    assert (await browser.get("/console/sessions/b")).status == 404


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/console/nothing", 404),
        ("/console/costs/x/y", 404),
        ("/console/costs?from=x", 422),
        ("/console/costs?from=2026-03-01&from=2026-03-01", 422),
        ("/console/entries/led_x?team=a&at=2026-03-10T12:00:00Z", 404),
        ("/console/entries/led_x", 422),
        ("/console/periods/2026-13", 404),
        ("/console/reports/run_x", 404),
        ("/console/dead-letters/usage-events/7", 404),
        ("/console/static/style.css", 404),
        ("/console/sign-out", 405),
    ],
)
async def test_what_is_not_there_is_told_as_a_page(browser: Browser, address: str, status: int) -> None:
    await browser.sign_in(ROOT)

    view = await browser.get(address)

    assert view.status == status
    assert "message" in dict(view.page.attributes)["class"] or "To the overview" in view.text


async def test_the_store_that_is_down_is_told_as_a_page(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    browser.office.documents.is_down = True  # type: ignore[attr-defined]

    view = await browser.get("/console")

    assert (view.status, view.headers["retry-after"]) == (503, "2")


async def test_a_month_that_is_not_over_cannot_be_closed_and_says_when_it_can(browser: Browser) -> None:
    await browser.sign_in(ROOT)

    running, over = [await browser.get(f"/console/periods/{month}") for month in ("2026-03", "2026-02")]

    assert "It can be closed after 2026-04-01 00:00" in running.text
    assert [form.action for form in running.page.forms] == ["/console/sign-out"]
    assert over.form("/console/periods/2026-02/close")
    assert "can be closed after" not in over.text


async def test_style_and_icon_may_be_kept_for_ever_because_their_names_change_with_them(browser: Browser) -> None:
    page = await browser.get("/console/sign-in")
    (style,) = [value for name, value in page.page.attributes if name == "href" and value.endswith(".css")]

    kept = await browser.get(style)

    assert (kept.status, kept.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in kept.headers["cache-control"]


async def test_calls_that_are_not_settled_yet_are_called_so_wherever_figures_are(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    for address in (f"/console?{MARCH}", f"/console/costs?{MARCH}&by1=team"):
        assert "settled" not in (await browser.get(address)).text
    running = await browser.office.bookkeeping.spend("c", NOON, 0, sums={"pending": 1})

    overview = await browser.get(f"/console?{MARCH}")
    costs = await browser.get(f"/console/costs?{MARCH}&by1=team")
    entries = await browser.get(f"/console/entries?{MARCH}&team=c")
    (link,) = [link for link in entries.page.links if f"/entries/{running.id}" in link]
    entry = await browser.get(link)

    assert "Calls not settled yet" in overview.text
    assert "1 call is not settled yet" in costs.text
    for view in (entries, entry):
        assert "not settled yet" in view.text
        assert "no price yet" not in view.text


@pytest.mark.parametrize(
    ("span", "is_told"),
    [
        ("", True),
        (MARCH, True),
        ("from=2026-03-01&to=2026-03-05", True),
        ("from=2026-01-01&to=2026-04-01", True),
        ("from=2026-02-01&to=2026-03-01", False),
        ("from=2026-01-01&to=2026-02-01", False),
    ],
)
async def test_the_end_of_this_month_is_told_beside_this_month_alone(
    browser: Browser, span: str, is_told: bool
) -> None:
    await browser.sign_in(ROOT)

    overview = await browser.get(f"/console?{span}")

    assert ("Expected at the end of 2026-03" in overview.text) is is_told


async def test_while_the_books_are_counted_anew_every_page_warns_and_none_shows_figures(
    browser: Browser, office: Office
) -> None:
    await browser.sign_in("root")
    assert "counted anew" not in (await browser.get("/console")).text
    await ZoneStore(office.documents, office.clock, "Asia/Kolkata").state()
    office.clock.advance(KEPT_S)

    costs, reports = await browser.get("/console/costs"), await browser.get("/console/reports")

    for view, status in ((costs, 503), (reports, 200)):
        assert view.status == status
        assert "The books are being counted anew for the time zone Europe/Berlin." in view.text
    assert "2 partitions left" in costs.text
    assert "1,234" not in costs.text
