"""What every recorder that sends telemetry somewhere must do, seen from a collector behind a real socket."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Queue
from typing import Any

import pytest

from shared.adapters.telemetry.recorders import recorder_of
from shared.telemetry.instruments import ALL
from shared.telemetry.model import Instrument, Kind, Point, Span, SpanKind
from shared.telemetry.ports import Recorder
from tests.shared.adapters.telemetry.collector import Collector, Seen, collecting

KEY = "11111111-2222-3333-4444-555555555555"
REQUESTS = Instrument("tollgate.requests", Kind.COUNTER, "{request}", "Calls", ("endpoint", "status"))
DURATION = Instrument("tollgate.request.duration", Kind.HISTOGRAM, "s", "Time", ("endpoint",), (0.1, 1.0, 10.0))
CIRCUIT = Instrument("tollgate.circuit", Kind.GAUGE, "1", "Open", ("deployment",))

TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736
START = 1_790_000_000_123_456_000
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "azure.ai.openai", "http.response.status_code": 200}

SERVED = Span(
    TRACE, 0x00F067AA0BA902B7, 0x1, "chat gpt-4o", SpanKind.SERVER, START, START + 1_250_000_000, CHAT, ratio=0.1
)
ASKED = Span(
    TRACE,
    0xA1,
    0x00F067AA0BA902B7,
    "chat gpt-4o",
    SpanKind.CLIENT,
    START + 5_000_000,
    START + 1_205_000_000,
    {**CHAT, "http.response.status_code": 500},
    is_error=True,
)
SETTLED = Span(TRACE, 0xA2, 0x00F067AA0BA902B7, "settle", SpanKind.INTERNAL, START, START + 3_000_000)
ROOT = Span(0x5, 0xA3, None, "embeddings ada", SpanKind.SERVER, START, START + 2_000_000, {})


def spans_of(collector: Collector) -> dict[int, Seen]:
    return {span.span_id: span for span in collector.spans}


class RecorderContract:
    """Subclasses say which recorder it is, and what points it at a collector."""

    name: str

    def environment(self, url: str) -> dict[str, str]:
        raise NotImplementedError

    @pytest.fixture
    def collector(self) -> Iterator[Collector]:
        with collecting() as collector:
            yield collector

    @pytest.fixture
    def make(self, collector: Collector) -> Iterator[Callable[..., Recorder]]:
        """Makes recorders; when they are closed and the collector answers again, no thread of theirs stays behind."""
        made: list[Recorder] = []
        before = set(threading.enumerate())

        def make(url: str = "", **options: Any) -> Recorder:
            environment = {**self.environment(url or collector.url), "WEBSITE_INSTANCE_ID": "machine-7"}
            made.append(recorder_of([self.name], environment, version="1.2.3", **options))
            return made[-1]

        yield make
        collector.may_answer.set()
        collector.status = 200
        for recorder in made:
            recorder.close()
        for thread in set(threading.enumerate()) - before:
            thread.join(20)
            assert not thread.is_alive(), thread.name

    def test_figures_arrive_with_their_names_sums_counts_and_attributes(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        recorder = make()
        recorder.record([Point(REQUESTS, 1, {"endpoint": "chat.completions", "status": 200})] * 3)
        recorder.record([Point(DURATION, value, {"endpoint": "chat.completions"}) for value in (0.5, 2.0)])
        recorder.record([Point(CIRCUIT, value, {"deployment": "d1"}) for value in (1, 0, 1)])
        recorder.close()

        told = {figure.name: figure for figure in collector.figures}
        assert set(told) == {"tollgate.requests", "tollgate.request.duration", "tollgate.circuit"}
        assert told["tollgate.requests"].sum == 3
        assert told["tollgate.requests"].attributes == {"endpoint": "chat.completions", "status": "200"}
        assert (told["tollgate.request.duration"].sum, told["tollgate.request.duration"].count) == (2.5, 2)
        assert told["tollgate.circuit"].sum == 1
        assert told["tollgate.circuit"].attributes == {"deployment": "d1"}

    def test_every_instrument_of_the_gateway_arrives(self, make: Callable[..., Recorder], collector: Collector) -> None:
        recorder = make()
        recorder.record([Point(instrument, 1, dict.fromkeys(instrument.attributes, "x")) for instrument in ALL])
        recorder.close()

        assert {figure.name: figure.attributes for figure in collector.figures} == {
            instrument.name: dict.fromkeys(instrument.attributes, "x") for instrument in ALL
        }

    def test_what_an_instrument_may_not_be_divided_by_does_not_leave(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        recorder = make()
        recorder.record([Point(REQUESTS, 1, {"endpoint": "embeddings", "user": "ada"})])
        recorder.close()

        assert [figure.attributes for figure in collector.figures] == [{"endpoint": "embeddings"}]

    def test_values_that_are_no_figures_are_left_out(self, make: Callable[..., Recorder], collector: Collector) -> None:
        recorder = make()
        recorder.record([Point(REQUESTS, -1, {}), Point(DURATION, float("nan"), {}), Point(CIRCUIT, float("inf"), {})])
        recorder.record([Point(REQUESTS, 2, {})])
        recorder.close()

        assert [(figure.name, figure.sum) for figure in collector.figures] == [("tollgate.requests", 2)]

    def test_spans_arrive_with_ids_parents_kinds_and_times(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        recorder = make()
        recorder.export([SERVED, ASKED, SETTLED, ROOT])
        recorder.close()

        seen = spans_of(collector)
        for span in (SERVED, ASKED, SETTLED, ROOT):
            arrived = seen[span.span_id]
            assert (arrived.trace_id, arrived.parent_id) == (span.trace_id, span.parent_id)
            assert (arrived.name, arrived.kind) == (span.name, span.kind)
            assert arrived.took_ns == span.end_ns - span.start_ns
            assert abs(arrived.start_ns - span.start_ns) < 1000
            assert arrived.service[:2] == ("tollgate", "1.2.3")
            assert arrived.service[2].startswith("machine-7-")

    def test_outcomes_arrive(self, make: Callable[..., Recorder], collector: Collector) -> None:
        recorder = make()
        recorder.export([SERVED, ASKED, SETTLED, ROOT])
        recorder.close()

        seen = spans_of(collector)
        assert {span.span_id: seen[span.span_id].is_error for span in (SERVED, ASKED, SETTLED, ROOT)} == {
            SERVED.span_id: False,
            ASKED.span_id: True,
            SETTLED.span_id: False,
            ROOT.span_id: False,
        }
        assert seen[SERVED.span_id].attributes["status"] == "200"
        assert seen[ASKED.span_id].attributes["status"] == "500"
        assert seen[SERVED.span_id].attributes["gen_ai.operation.name"] == "chat"

    def test_a_sampled_span_stands_for_those_that_were_not_kept(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        recorder = make()
        recorder.export([SERVED, ASKED])
        recorder.close()

        seen = spans_of(collector)
        assert (seen[SERVED.span_id].stands_for, seen[ASKED.span_id].stands_for) == (10, 1)

    @pytest.mark.parametrize("status", [400, 402, 403, 429, 500])
    def test_a_refusal_is_counted_and_told_without_what_was_sent(
        self, make: Callable[..., Recorder], collector: Collector, status: int, caplog: Any, capfd: Any
    ) -> None:
        caplog.set_level(logging.DEBUG)
        collector.status, collector.headers = status, {"retry-after": "30"}
        collector.answer = b'{"itemsReceived": 1, "itemsAccepted": 0, "errors": [], "echo": "' + KEY.encode() + b'"}'
        lost: Queue[int] = Queue()
        recorder = make(on_lost=lost.put, patience_s=0.2)
        recorder.record([Point(REQUESTS, 1, {})])
        recorder.export([SERVED])
        recorder.close()

        assert [lost.get(timeout=20), lost.get(timeout=20)] == [1, 1]
        written = caplog.text + "".join(capfd.readouterr())
        assert written.count(f"telemetry is not taken by {self.name}") == 1
        assert KEY not in written

    def test_a_collector_that_does_not_answer_holds_nobody_up(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        collector.may_answer.clear()
        recorder = make(patience_s=0.2)
        recorder.export([SERVED] * 600)
        recorder.record([Point(REQUESTS, 1, {})])
        closing = threading.Thread(target=recorder.close)
        closing.start()
        assert collector.was_asked.wait(20)

        recorder.record([Point(REQUESTS, 1, {})] * 1000)
        recorder.export([SERVED] * 5000)
        closing.join(20)

        assert not closing.is_alive()
        assert collector.spans == []

    @pytest.mark.parametrize("times", [1, 2])
    def test_closing_twice_is_like_closing_once(
        self, make: Callable[..., Recorder], collector: Collector, times: int
    ) -> None:
        recorder = make()
        recorder.record([Point(REQUESTS, 1, {})])
        for _ in range(times):
            recorder.close()

        assert [figure.sum for figure in collector.figures] == [1]

    def test_a_collector_that_is_not_there_is_told_of_once(self, make: Callable[..., Recorder], caplog: Any) -> None:
        caplog.set_level(logging.DEBUG)
        lost: Queue[int] = Queue()
        recorder = make("http://127.0.0.1:1", on_lost=lost.put, patience_s=0.2)
        recorder.record([Point(REQUESTS, 1, {})])
        recorder.export([SERVED])
        recorder.close()

        assert [lost.get(timeout=20), lost.get(timeout=20)] == [1, 1]
        told = [record.getMessage() for record in caplog.records if record.name.startswith("shared.")]
        assert told == [f"telemetry is not taken by {self.name} and is lost until it is: no answer, or no token for it"]
        assert KEY not in caplog.text

    def test_spans_for_which_there_is_no_room_are_counted(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        collector.may_answer.clear()
        lost: list[int] = []
        recorder = make(on_lost=lost.append, patience_s=20)
        spans = [replace(SERVED, span_id=number) for number in range(1, 12_001)]
        for some in range(0, len(spans), 500):
            recorder.export(spans[some : some + 500])
        collector.may_answer.set()
        recorder.close()

        assert sum(lost) > 0
        assert len(collector.spans) + sum(lost) == len(spans)


class PatientContract(RecorderContract):
    """For those that ask again."""

    def test_a_collector_that_is_busy_for_a_moment_loses_nothing(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        collector.status, collector.refusals, collector.headers = 503, 2, {"retry-after": "0"}
        recorder = make(patience_s=20)
        recorder.export([SERVED])
        recorder.record([Point(REQUESTS, 1, {})])
        recorder.close()

        assert len(collector.asked) == 4
        assert (len(collector.spans), [figure.sum for figure in collector.figures]) == (1, [1])

    def test_a_collector_that_asks_for_much_patience_does_not_put_off_the_end(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        collector.status, collector.headers = 503, {"retry-after": "3600"}
        lost: Queue[int] = Queue()
        recorder = make(on_lost=lost.put, patience_s=0.1)
        recorder.export([SERVED])
        recorder.close()

        assert lost.get(timeout=20) == 1
