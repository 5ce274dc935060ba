"""The load generator against the mock upstream: every request is sent, counted and timed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.load import canned
from tests.load.connection import Exchange, Kind
from tests.load.generator import Plan, Tally, generate
from tests.load.mock_upstream import Upstream, UpstreamConnection

HOST = "127.0.0.1"


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[Upstream, int]]:
    loop, upstream = asyncio.get_running_loop(), Upstream()
    server = await loop.create_server(lambda: UpstreamConnection(upstream, loop), HOST, 0)
    async with server:
        yield upstream, server.sockets[0].getsockname()[1]


def chat(name: str = "plain", path: str = "/v1/chat/completions", *, stream: bool = False, **options: int) -> Kind:
    return Kind(name, canned.ask(HOST, path, {}, stream=stream), **options)


async def test_a_steady_rate_sends_exactly_what_was_due(upstream: tuple[Upstream, int]) -> None:
    mock, port = upstream
    report = await generate(Plan(port, [chat()], duration_s=0.1, rate=200))
    assert (report["sent"], report["unanswered"], mock.calls) == (20, 0, 20)
    assert report["kinds"]["plain"]["statuses"] == {"200": 20}
    assert report["kinds"]["plain"]["latency_ms"]["p50"] > 0


async def test_callers_that_wait_for_their_answers_are_all_served(upstream: tuple[Upstream, int]) -> None:
    mock, port = upstream
    report = await generate(Plan(port, [chat()], duration_s=0.05, concurrency=8))
    assert report["sent"] == report["kinds"]["plain"]["completed"] == mock.calls >= 8


async def test_a_stream_is_read_to_its_last_event(upstream: tuple[Upstream, int]) -> None:
    report = await generate(Plan(upstream[1], [chat(stream=True)], duration_s=0.01, rate=200))
    assert report["kinds"]["plain"]["events"] == 2 * (canned.EVENTS + 1)
    assert report["kinds"]["plain"]["first_byte_ms"]["p50"] <= report["kinds"]["plain"]["latency_ms"]["p50"]


async def test_a_caller_who_leaves_mid_stream_reads_no_further(upstream: tuple[Upstream, int]) -> None:
    leaving = Kind("left", canned.ask(HOST, "/v1/chat/completions", {}, stream=True, pace_ms=1), 1, 1)
    report = await generate(Plan(upstream[1], [leaving], duration_s=0.02, rate=100))
    assert report["kinds"]["left"]["left"] == 2
    assert report["kinds"]["left"]["events"] < 2 * canned.EVENTS


async def test_kinds_are_mixed_by_their_weights(upstream: tuple[Upstream, int]) -> None:
    kinds = [chat("often", weight=3), chat("seldom", "/v1/unknown", weight=1)]
    report = await generate(Plan(upstream[1], kinds, duration_s=0.02, rate=400))
    assert report["kinds"]["often"]["statuses"] == {"200": 6}
    assert report["kinds"]["seldom"]["statuses"] == {"404": 2}
    assert "Not found" in report["kinds"]["seldom"]["refusal"]


@pytest.mark.parametrize(
    "path", ["/openai/v1/chat/completions", "/openai/deployments/gpt-4o/chat/completions?api-version=1"]
)
async def test_the_mock_answers_both_forms_of_azures_paths(upstream: tuple[Upstream, int], path: str) -> None:
    report = await generate(Plan(upstream[1], [chat(path=path)], duration_s=0.01, rate=100))
    assert report["kinds"]["plain"]["statuses"] == {"200": 1}


async def test_the_mock_gives_a_managed_identity_its_token_only_with_the_header(upstream: tuple[Upstream, int]) -> None:
    target = b"GET /msi/token?api-version=2019-08-01&resource=https://x HTTP/1.1\r\nhost: x\r\n"
    kinds = [Kind("app", target + b"X-IDENTITY-HEADER: bench\r\n\r\n"), Kind("other", target + b"\r\n")]
    report = await generate(Plan(upstream[1], kinds, duration_s=0.02, rate=100))
    assert report["kinds"]["app"]["statuses"] == {"200": 1}
    assert report["kinds"]["other"]["statuses"] == {"401": 1}


async def test_a_server_that_hangs_up_is_a_failure_and_not_the_end() -> None:
    class Rude(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.close()

    server = await asyncio.get_running_loop().create_server(Rude, HOST, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        report = await generate(Plan(port, [chat()], duration_s=0.05, rate=100, concurrency=1))
    assert report["kinds"]["plain"]["statuses"] == {"0": 5}


def test_waiting_for_a_connection_counts_as_latency() -> None:
    tally = Tally()
    tally.add(
        Exchange(chat(), scheduled_ns=1_000_000, first_byte_ns=3_000_000, ended_ns=4_000_000, status=200, body=b"")
    )
    assert (tally.latencies, tally.first_bytes) == ([3.0], [2.0])


def test_a_plan_survives_the_way_to_the_generators_process() -> None:
    plan = Plan(8080, [Kind("left", b"\x00\xff", 2, 10)], 1.5, 100.0, 3)
    assert Plan.from_json(plan.to_json()) == plan
