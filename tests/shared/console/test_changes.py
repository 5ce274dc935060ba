"""What operators do on the pages: close, prove, make, correct, deliver; and what the others cannot do."""

from datetime import timedelta

import pytest

from shared.reconciliation.recount import KEPT_S
from shared.reconciliation.zone import ZoneStore
from tests.shared.console.browser import Browser
from tests.shared.management.bookkeeping import NOON
from tests.shared.management.office import AUDITOR, ROOT, Office


@pytest.fixture
async def furnished(office: Office) -> Office:
    office.clock.set(NOON - timedelta(days=60))
    await office.bookkeeping.furnish()
    office.clock.set(NOON + timedelta(hours=1))
    return office


async def test_a_month_is_closed_with_a_checkbox_and_a_button(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    page = await browser.get("/console/periods/2026-02")

    sent = await browser.submit(page.form("/console/periods/2026-02/close"), sure="yes", accept_unpriced="yes")
    after = await browser.get(sent.headers["location"])

    assert sent.status == 303
    assert "The month is locked." in after.text
    assert "closing" in after.text
    assert ("http-equiv", "refresh") in after.page.attributes
    period = (await browser.office.call("GET", "periods/2026-02")).json
    assert (period["state"], period["closing_by"], period["accepts_unpriced"]) == ("closing", "vk_root", True)


async def test_a_month_that_goes_on_is_not_closed(browser: Browser) -> None:
    await browser.sign_in(ROOT)
    token = (await browser.get("/console/periods/2026-03")).form("/console/sign-out").fields["form_token"]

    sent = await browser.send("POST", "/console/periods/2026-03/close", {"form_token": token, "sure": "yes"})

    assert sent.status == 409


async def test_an_auditor_sees_no_forms_and_cannot_send_them(browser: Browser, furnished: Office) -> None:
    await browser.sign_in(AUDITOR)
    addresses = [
        "/console/periods/2026-02", "/console/reports", "/console/alerts", "/console/reconciliation?month=2025-12",
        "/console/dead-letters/alerts/7",
    ]  # fmt: skip

    pages = [await browser.get(address) for address in addresses]
    token = pages[0].form("/console/sign-out").fields["form_token"]

    posts = {form.action for page in pages for form in page.page.forms if form.method == "post"}
    assert posts == {"/console/sign-out", "/console/dead-letters/alerts/7"}
    assert pages[4].form("/console/dead-letters/alerts/7").buttons == []
    for address in ("periods/2026-02/close", "reports", "alerts/retry", "alerts/channels", "reconciliation"):
        sent = await browser.send(
            "POST", f"/console/{address}", {"form_token": token, "month": "2026-02", "channel": "ops"}
        )
        assert sent.status == 403


async def test_a_report_is_started_watched_and_downloaded(browser: Browser, furnished: Office) -> None:
    await browser.sign_in(ROOT)
    page = await browser.get("/console/reports")

    started = await browser.submit(page.form("/console/reports"), report="monthly")
    watched = await browser.get(started.headers["location"])
    done = await browser.get("/console/reports/run_x")
    (link,) = [link for link in done.page.links if "/files/" in link]
    file = await browser.get(link)

    assert started.status == 303
    assert ("http-equiv", "refresh") in watched.page.attributes
    assert "progress" in watched.page.tags
    assert ("http-equiv", "refresh") not in done.page.attributes
    assert (file.status, file.body) == (200, b"team,cost\n")
    assert file.headers["content-disposition"] == 'attachment; filename="statement.csv"'
    assert file.headers["content-type"] == "application/octet-stream"
    ((queue, _),) = furnished.bookkeeping.events.sent
    assert queue == "reports"


async def test_a_report_is_made_again_with_a_button_and_the_page_says_what_differs(
    browser: Browser, furnished: Office
) -> None:
    await browser.sign_in(ROOT)
    page = await browser.get("/console/reports/run_x")

    sent = await browser.submit(page.form("/console/reports/run_x/reproduce"))
    watched = await browser.get(sent.headers["location"])
    await furnished.bookkeeping.making.work("run_x|again-1")
    done = " ".join((await browser.get("/console/reports/run_x@again-1")).text.split())

    assert (sent.status, sent.headers["location"]) == (303, "/console/reports/run_x@again-1?done=again")
    assert ("http-equiv", "refresh") in watched.page.attributes
    assert "The report is made again of what its manifest names" in watched.text
    assert "differs" in done
    assert "Ledger of a, 2025-12" in done
    assert "0 postings 1 postings" in done
    assert "statement.csv" in done
    assert "Make it again and compare" not in done


async def test_who_may_not_start_reports_has_no_button_to_make_one_again(browser: Browser, furnished: Office) -> None:
    await browser.sign_in(AUDITOR)
    page = await browser.get("/console/reports/run_x")
    token = page.form("/console/sign-out").fields["form_token"]

    sent = await browser.send("POST", "/console/reports/run_x/reproduce", {"form_token": token})

    assert "Make it again" not in page.text
    assert sent.status == 403


async def test_a_report_is_read_in_a_page_where_nothing_can_run(browser: Browser, furnished: Office) -> None:
    from dataclasses import replace

    books = furnished.bookkeeping
    run = await books.runs.get("run_x")
    assert run is not None
    await books.runs.save(replace(run, files=("statement.html",)))
    books.files.kept["2025-12/monthly/run_x/1/statement.html"] = b"<p>Statement</p>"
    await browser.sign_in(ROOT)

    printed = await browser.get("/console/reports/run_x/print/statement.html")

    assert printed.body == b"<p>Statement</p>"
    policy = printed.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script" not in policy
    assert (await browser.get("/console/reports/run_x/print/statement.csv")).status == 404


async def test_a_dead_letter_is_read_checked_corrected_and_sent_again(browser: Browser, furnished: Office) -> None:
    await browser.sign_in(ROOT)
    address = "/console/dead-letters/alerts/7"
    form = (await browser.get(address)).form(address)

    wrong = await browser.submit(form, "replay", body='{"id": ')
    checked = await browser.submit(form, "check", body='{"id": "y"}')
    sent = await browser.submit(form, "replay", body='{"id": "y"}')
    after = await browser.get(sent.headers["location"])

    assert form.fields["body"] == '{"id": "x"}'
    assert "not JSON" in wrong.text
    assert wrong.form(address).fields["body"] == '{"id": '
    assert "Like this it can be worked with." in checked.text
    assert furnished.bookkeeping.letters.replayed == [("alerts", b'{"id": "y"}')]
    assert "There are none." in after.text
    (entry,) = (await furnished.call("GET", "audit?limit=1")).json["data"]
    assert entry["action"].startswith("dead_letter.replay sha256:")
    assert entry["target"] == "dead-letters/alerts:7"


async def test_a_dead_letter_is_given_up(browser: Browser, furnished: Office) -> None:
    await browser.sign_in(ROOT)
    address = "/console/dead-letters/alerts/7"
    form = (await browser.get(address)).form(address)

    unknown = await browser.submit(form, "burn")
    sent = await browser.submit(form, "discard")

    assert unknown.status == 422
    assert (sent.status, sent.headers["location"]) == (303, "/console/dead-letters?done=discarded")
    assert furnished.bookkeeping.letters.kept == {}


async def test_a_delivery_is_tried_again_and_a_channel_tested(browser: Browser, furnished: Office) -> None:
    await browser.sign_in(ROOT)
    page = await browser.get("/console/alerts")

    again = await browser.submit(page.form("/console/alerts/retry"))
    tested = await browser.submit(page.form("/console/alerts/channels"), channel="ops")
    unknown = await browser.submit(page.form("/console/alerts/channels"), channel="nowhere")

    assert again.headers["location"] == "/console/alerts?done=retried"
    assert "pending" in (await browser.get("/console/alerts")).text
    assert "Test on ops: delivered." in tested.text
    assert unknown.status == 404
    assert furnished.bookkeeping.megaphone.sent == [("ops", "A test of this channel")]


async def test_the_ledger_is_proved_and_held_against_the_bill(browser: Browser, furnished: Office) -> None:
    await browser.sign_in(ROOT)
    page = await browser.get("/console/reconciliation?month=2025-12")

    (form,) = [form for form in page.page.forms if form.method == "post" and form.action == "/console/reconciliation"]
    sent = await browser.submit(form)
    after = await browser.get(sent.headers["location"])

    assert sent.headers["location"] == "/console/reconciliation?month=2025-12&done=proved"
    assert "right" in after.text
    assert "Every part of the month was looked at." in after.text
    assert "1.50 USD" in after.text
    assert "untagged" in after.text


async def test_nothing_that_an_address_says_is_shown(browser: Browser) -> None:
    await browser.sign_in(ROOT)

    view = await browser.get("/console?done=You+have+won")

    assert "won" not in view.text


async def test_a_closed_month_says_what_it_was_closed_at_and_what_it_is_now(
    browser: Browser, furnished: Office
) -> None:
    await browser.sign_in(ROOT)
    await furnished.made("teams", {"id": "a"})
    await furnished.call("POST", "periods/2025-12/close", {})
    furnished.clock.advance(61)
    await furnished.bookkeeping.closing.advance("2025-12")
    furnished.clock.advance(1)
    credit = {"team": "a", "at": "2025-12-05", "amount": "-0.25", "reason": "Too much", "idempotency_key": "credit-1"}
    assert (await furnished.call("POST", "adjustments", credit)).status == 200

    page = " ".join((await browser.get("/console/periods/2025-12")).text.split())

    assert "Closed with 1 USD Adjusted since -0.25 USD Now 0.75 USD" in page

    await ZoneStore(furnished.documents, furnished.clock, "Asia/Kolkata").state()
    furnished.clock.advance(KEPT_S)
    meanwhile = await browser.get("/console/periods/2025-12")

    assert meanwhile.status == 200
    assert "counted anew" in meanwhile.text
    assert "Now 0.75 USD" not in meanwhile.text
