from collections.abc import Sequence

import pytest

from shared.alerts.model import Notice
from shared.finance.model import ReportConfig, ReportKind, Schedule
from shared.finance.pulse import LEASE
from shared.finance.store import RunState
from shared.jobs.finance_reports import EVERY_S, RequestInvalid, queue_due, run_report
from tests.fakes import MemoryEvents
from tests.shared.finance.books import entry, month
from tests.shared.finance.test_runs import Office

BILL = ReportConfig(name="bill", kind=ReportKind.CHARGEBACK, schedule=Schedule.MONTHLY)


class Told:
    def __init__(self) -> None:
        self.notices: list[Notice] = []

    async def __call__(self, notices: Sequence[Notice]) -> None:
        self.notices += notices


@pytest.fixture
def office() -> Office:
    return Office()


async def tick(office: Office) -> list[dict[str, object]]:
    events = MemoryEvents()
    await queue_due([BILL], office.runs(), events, office.clock)
    return events.events


async def test_what_is_due_is_queued_and_made(office: Office) -> None:
    assert await tick(office) == [{"run": "bill|2026-11"}]

    told = Told()
    run = await run_report(b'{"run":"bill|2026-11"}', office.runs(), told)

    assert run is not None
    assert run.state is RunState.DONE
    assert told.notices == []
    office.clock.advance(EVERY_S)
    assert await tick(office) == []


async def test_a_request_whose_message_got_lost_is_queued_by_the_next_ticks(office: Office) -> None:
    await tick(office)
    run = await office.runs().request(BILL, month(), "ada")
    assert {"run": run.id} not in await tick(office)
    office.clock.advance(EVERY_S)

    assert {"run": run.id} in await tick(office)


async def test_a_run_whose_instance_died_is_queued_again(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    claimed = await office.runs()._claim(run)
    assert {"run": run.id} not in await tick(office)
    office.clock.advance(LEASE)

    assert {"run": claimed.id} in await tick(office)


async def test_people_are_told_once_why_a_report_was_not_made(office: Office) -> None:
    office.ledger.post(entry("euro", currency="EUR"))
    run = await office.runs().request(BILL, month(), "ada")
    told = Told()
    for _ in range(2):
        await run_report(b'{"run":"%s"}' % run.id.encode(), office.runs(), told)

    assert {notice.id for notice in told.notices} == {f"report|{run.id}"}
    assert "several currencies" in told.notices[0].text


async def test_of_a_report_that_could_not_be_made_again_people_are_told_just_that(office: Office) -> None:
    first = await office.runs().work((await office.runs().request(BILL, month(), "ada")).id)
    assert first is not None
    again = await office.runs().reproduce(first, BILL, "eve")
    office.storage.files[f"{first.folder}/manifest.json"] = b"{}"
    told = Told()

    await run_report(b'{"run":"%s"}' % again.id.encode(), office.runs(), told)

    assert [notice.title for notice in told.notices] == ["The report bill for 2026-11 was not made again"]


async def test_a_message_about_an_unknown_run_is_over(office: Office) -> None:
    assert await run_report(b'{"run":"run_unknown"}', office.runs(), Told()) is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"run":1}', b'{"run":""}', b'{"run":"' + b"x" * 200 + b'"}']
)
async def test_a_message_that_names_no_run_is_refused(office: Office, body: bytes) -> None:
    with pytest.raises(RequestInvalid):
        await run_report(body, office.runs(), Told())
