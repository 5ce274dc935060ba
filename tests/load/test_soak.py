"""When a soak fails, and what it says."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.load.soak import Outcome, Samples, render, stored_events


def samples(megabytes_a_minute: float = 0.0) -> Samples:
    return Samples([(tenths / 10, 60 + megabytes_a_minute * tenths / 10) for tenths in range(20)])


def outcome(**changes: Any) -> Outcome:
    latency = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    plain = {"statuses": {"200": 9}, "latency_ms": latency, "refusal": ""}
    left = {"statuses": {"200": 1}, "latency_ms": latency, "refusal": ""}
    report = {"unanswered": 0, "kinds": {"plain": plain, "left mid-stream": left}}
    facts = {"report": report, "samples": samples(), "upstream_calls": 10, "usage_events": 10, "max_growth": 0.5}
    return Outcome(**{**facts, **changes})


def test_flat_memory_and_an_event_for_each_call_pass() -> None:
    assert outcome().problems() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": samples(megabytes_a_minute=1)}, "memory grows by 1.000 MB/min"),
        ({"samples": Samples([(0.0, 200.0), (1.0, 200.0), (2.0, 200.0), (3.0, 200.0)])}, "memory reached 200 MB"),
        ({"samples": Samples([])}, "memory grows by nan"),
        ({"usage_events": 9}, "9 usage events are stored for 10 calls"),
        ({"report": {"unanswered": 2, "kinds": {}}}, "2 requests were never answered"),
        (
            {"report": {"unanswered": 0, "kinds": {"not JSON": {"statuses": {"500": 1}, "refusal": "oops"}}}},
            "not JSON: answers {'500': 1} oops",
        ),
    ],
)
def test_anything_else_fails_and_is_named(changes: dict[str, Any], said: str) -> None:
    problems = outcome(**changes).problems()
    assert len(problems) == 1
    assert said in problems[0]


def test_a_known_callers_refused_call_has_an_event_and_a_strangers_has_none() -> None:
    refused = {"statuses": {"400": 3}, "refusal": ""}
    strangers = {"statuses": {"401": 4}, "refusal": ""}
    report = {"unanswered": 0, "kinds": {"not JSON": refused, "unknown key": strangers}}
    assert outcome(report=report, usage_events=13).problems() == []


def test_memory_that_grew_only_while_warming_up_passes() -> None:
    warming = [(minute, min(90.0, 60 + 10 * minute)) for minute in (tenths / 2 for tenths in range(20))]
    assert outcome(samples=Samples(warming)).problems() == []


def test_the_report_shows_answers_memory_and_counts() -> None:
    text = render(outcome())
    assert "9 of 200" in text
    assert "60.0 to 60.0 MB, second half +0.000 MB/min" in text
    assert "10 calls of known callers, 10 of which reached the upstream; 10 usage events are stored." in text


def test_only_usage_events_are_counted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "documents.db")) as database, database:
        database.execute("CREATE TABLE documents (container TEXT, body TEXT)")
        rows = [("ledger", '{"kind": "event"}'), ("ledger", '{"kind": "entry"}'), ("keys", '{"kind": "event"}')]
        database.executemany("INSERT INTO documents VALUES (?, ?)", rows)
    assert stored_events(tmp_path) == 1
