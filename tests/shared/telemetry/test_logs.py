import json
from dataclasses import replace

from shared.telemetry.logs import json_line, text_line
from shared.telemetry.traceparent import trace_id_of
from shared.telemetry.vocabulary import Models
from tests.shared.telemetry.recording import EVENT

MODELS = Models(["gpt-4o"])


def test_a_line_for_people_says_the_most_important_things() -> None:
    assert text_line(EVENT) == (
        "200 chat.completions gpt-4o → west in 300 ms, 2 attempt(s), 12+2 tokens, team research"
    )


def test_what_is_no_name_of_a_model_is_not_repeated_to_people_either() -> None:
    for said in ("tell me a secret", "x" * 101, "gpt-4o?200 forged line"):
        assert said not in text_line(replace(EVENT, requested_model=said))
        assert " other → west" in text_line(replace(EVENT, requested_model=said))
    assert " gpt-5.0-typo → " in text_line(replace(EVENT, requested_model="gpt-5.0-typo"))
    assert " - → " in text_line(replace(EVENT, requested_model=None))


def test_a_line_for_machines_is_one_object_from_a_list_of_fields() -> None:
    line = json_line(EVENT, MODELS, None)

    assert "\n" not in line
    assert json.loads(line) == {
        "request_id": "req_1",
        "trace_id": f"{trace_id_of('req_1', None):032x}",
        "at": "2026-11-02T10:00:00.250+00:00",
        "endpoint": "chat.completions",
        "model": "gpt-4o",
        "deployment": "west",
        "status": 200,
        "outcome": "completed",
        "error_code": None,
        "ms": 300,
        "first_byte_ms": 120,
        "attempts": 2,
        "streamed": True,
        "input_tokens": 12,
        "output_tokens": 2,
        "usage_source": "provider",
        "team": "research",
        "key": "vk_1",
    }


def test_a_person_is_not_named_and_a_made_up_model_not_repeated() -> None:
    attribution = replace(EVENT.attribution, principal_kind="person", key="ada@example.com", user="ada@example.com")
    event = replace(EVENT, attribution=attribution, requested_model="tell me a secret", catalog_model=None)

    line = json_line(event, MODELS, None)

    assert "ada" not in line
    assert "secret" not in line
    assert json.loads(line)["key"] is None
