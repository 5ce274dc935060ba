import orjson
import pytest

from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.management.metrics import answer_metrics
from tests.shared.management.office import ADMIN_A, AUDITOR, DEV_A, ROOT, Office

TEXT = (b"tollgate_requests_total 1\n", "text/plain; version=0.0.4; charset=utf-8")


class Telemetry:
    def __init__(self, text: tuple[bytes, str] | None = TEXT, *, hangs: bool = False) -> None:
        self.text, self.hangs, self.asked = text, hangs, 0

    async def exposition(self) -> tuple[bytes, str] | None:
        self.asked += 1
        if self.hangs:
            raise TimeoutError
        return self.text


async def ask(telemetry: Telemetry, by: str | None, *, is_kept: bool = True) -> GatewayResponse:
    office = Office()
    headers = {"authorization": f"Bearer {by}"} if by else {}

    async def nothing():  # type: ignore[no-untyped-def]
        return
        yield b""

    request = GatewayRequest("GET", "/metrics", "", headers, list(headers.items()), nothing)
    return await answer_metrics(request, office.people, telemetry, office.clock, is_kept=is_kept)


@pytest.mark.parametrize("by", [ROOT, AUDITOR])
async def test_operators_and_auditors_read_all_that_was_counted(by: str) -> None:
    answer = await ask(Telemetry(), by)

    assert (answer.status, answer.body) == (200, TEXT[0])
    assert dict(answer.headers) == {"content-type": TEXT[1], "cache-control": "no-store"}


@pytest.mark.parametrize(("by", "status"), [(None, 401), ("somebody", 401), (DEV_A, 403), (ADMIN_A, 403)])
async def test_nobody_else_does(by: str | None, status: int) -> None:
    telemetry = Telemetry()
    answer = await ask(telemetry, by)

    assert (answer.status, telemetry.asked) == (status, 0)
    assert TEXT[0] not in bytes(answer.body)  # type: ignore[arg-type]


@pytest.mark.parametrize("by", [ROOT, DEV_A, None])
async def test_where_nothing_is_kept_the_address_does_not_exist_for_anybody(by: str | None) -> None:
    telemetry = Telemetry()
    answer = await ask(telemetry, by, is_kept=False)

    assert (answer.status, telemetry.asked) == (404, 0)
    assert dict(answer.headers)["content-type"] == "application/problem+json"
    assert orjson.loads(bytes(answer.body))["status"] == 404  # type: ignore[arg-type]


async def test_a_recorder_that_was_turned_off_or_hangs_is_told_of() -> None:
    assert (await ask(Telemetry(None), ROOT)).status == 404
    assert (await ask(Telemetry(hangs=True), ROOT)).status == 503
