"""Which events are part of a run, and what is taken from them."""

from dataclasses import replace

import orjson

from shared.migrations.steps import newest_usage_event
from shared.sessions.steps import step_of
from shared.usage.model import Attribution, Outcome, Source, Timings, TokenUsage, Trace, Usage, UsageEvent
from tests.shared.sessions.traces import NOON

EVENT = UsageEvent(
    id="req_1",
    started_at=NOON,
    endpoint="responses",
    attribution=Attribution(team="research", key="vk_a", user="ana"),
    status=200,
    outcome=Outcome.COMPLETED,
    usage=Usage(TokenUsage(input_fresh=10, output_text=5), source=Source.PROVIDER),
    timings=Timings(5, 900),
    requested_model="fast",
    catalog_model="gpt-4o",
    object_id="resp_2",
    tags={"pr": "acme/api#12", "step": "review"},
    trace=Trace("d1", "session-id", "resp_1", "codex", 2, 9, 3, 1),
)


def test_a_step_holds_what_the_event_says() -> None:
    step = step_of(EVENT.to_json(), 77)
    assert step is not None
    assert (step.principal, step.tokens, step.cost, step.model) == ("user:ana", 15, 77, "gpt-4o")
    assert (step.session, step.source, step.previous, step.object_id) == ("d1", "session-id", "resp_1", "resp_2")
    assert (step.turns, step.tools, step.tool_results, step.tool_calls) == (2, 9, 3, 1)
    assert (step.work, step.is_late) == ("pr=acme/api#12", False)


def test_without_a_person_the_key_is_the_principal() -> None:
    step = step_of(replace(EVENT, attribution=Attribution(team="research", key="vk_ci", application="ci")).to_json(), 0)
    assert step is not None
    assert step.principal == "key:vk_ci"


def test_what_was_refused_is_no_step() -> None:
    assert step_of(replace(EVENT, status=429, outcome=Outcome.REFUSED, usage=Usage()).to_json(), 0) is None


def test_what_broke_off_but_was_billed_is_one() -> None:
    assert step_of(replace(EVENT, status=502, outcome=Outcome.STREAM_CUT).to_json(), 0) is not None


def test_reading_a_file_is_no_step() -> None:
    assert step_of(replace(EVENT, usage=Usage(), trace=Trace(), endpoint="files.content").to_json(), 0) is None


def test_an_event_from_before_traces_is_a_step_of_which_little_is_known() -> None:
    stored = {
        name: value
        for name, value in EVENT.to_json().items()
        if name not in ("trace", "tags", "capacity", "processing")
    }
    step = step_of(newest_usage_event(orjson.loads(orjson.dumps({**stored, "schema": 2}))), 0)
    assert step is not None
    assert (step.session, step.turns, step.tokens) == (None, None, 15)
