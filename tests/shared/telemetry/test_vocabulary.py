from dataclasses import replace

import pytest

import shared.gateway.pipeline
import shared.management.api  # noqa: F401 - their errors are looked through
from shared.errors import GatewayError
from shared.telemetry.vocabulary import (
    ERROR_CODES,
    LEARNED,
    LEARNED_OF_ONE,
    METERS,
    PROVIDERS,
    Models,
    error_code_of,
    error_type_of,
    finish_reason_of,
    is_error,
    is_generation,
    operation_of,
    provider_of,
)
from shared.usage.model import Outcome, UsageEvent
from tests.shared.telemetry.recording import EVENT

OF_WEBHOOKS = {"invalid_signature"}
"""Errors of what is no call."""


def kinds(kind: type[GatewayError]) -> set[type[GatewayError]]:
    return {kind}.union(*(kinds(each) for each in kind.__subclasses__()))


def asked_for(requested: str | None, served: str | None) -> UsageEvent:
    return replace(EVENT, requested_model=requested, catalog_model=None, served_model=served)


def test_every_code_that_the_gateway_answers_with_is_known() -> None:
    own = {kind.code for kind in kinds(GatewayError) if kind.__module__.startswith(("shared.gateway", "shared.errors"))}

    assert own - OF_WEBHOOKS - ERROR_CODES == set()


def test_names_that_callers_make_up_are_all_the_same() -> None:
    models = Models(["gpt-4o", "fast"])

    assert models.asked(EVENT) == "gpt-4o"
    assert models.asked(replace(EVENT, requested_model="fast")) == "fast"
    assert models.asked(replace(EVENT, requested_model="gpt-4o-mine")) == "gpt-4o", (
        "a pattern leads to what it stands for"
    )
    assert models.asked(replace(EVENT, requested_model="my prompt", catalog_model="my prompt")) == "other"
    assert models.asked(replace(EVENT, requested_model=None, catalog_model=None)) == "none"


def test_names_that_upstreams_tell_are_learned_up_to_a_number() -> None:
    known = [f"model-{number}" for number in range(LEARNED)]
    models = Models(known)
    told = {models.served(asked_for(name, f"{name}-{number}")) for number in range(LEARNED) for name in known}

    assert len(told - {"other"}) == LEARNED
    assert models.served(asked_for("model-3", "model-3-0")) == "model-3-0"
    assert models.served(asked_for("model-3", None)) == "none"


def test_one_model_whose_upstream_tells_ever_new_names_leaves_room_for_others() -> None:
    models = Models(["gpt-4o", "mine"])
    told = [models.served(asked_for("mine", f"mine-{number}")) for number in range(LEARNED)]

    assert told == [f"mine-{number}" for number in range(LEARNED_OF_ONE)] + ["other"] * (LEARNED - LEARNED_OF_ONE)
    assert models.served(asked_for("gpt-4o", "gpt-4o-2024-11-20")) == "gpt-4o-2024-11-20"


def test_what_an_upstream_makes_of_a_name_that_a_caller_made_up_teaches_nothing() -> None:
    models = Models(["gpt-4o"])

    assert models.served(asked_for("made-up", "vendor/made-up")) == "other"
    assert models.served(asked_for(None, "gpt-9")) == "other"


@pytest.mark.parametrize("name", ["the prompt: hello", "x" * 101, "-x", "a\nb", "ada@example.com says"])
def test_an_upstream_that_tells_what_is_no_name_teaches_nothing(name: str) -> None:
    assert Models(["gpt-4o"]).served(asked_for("gpt-4o", name)) == "other"


def test_an_upstream_that_repeats_what_the_caller_made_up_teaches_nothing() -> None:
    made_up = replace(EVENT, requested_model="mine", served_model="mine", catalog_model="mine")

    assert Models([]).served(made_up) == "other"


def test_codes_and_reasons_are_from_bounded_sets() -> None:
    assert error_code_of(EVENT) == "none"
    assert error_code_of(replace(EVENT, error_code="rate_limit_exceeded")) == "rate_limit_exceeded"
    assert error_code_of(replace(EVENT, error_code="sk-something-else")) == "other"
    assert finish_reason_of(EVENT) == "stop"
    assert finish_reason_of(replace(EVENT, finish_reason="because I say so")) == "other"
    assert finish_reason_of(replace(EVENT, finish_reason=None)) is None


@pytest.mark.parametrize(
    ("status", "outcome", "code", "kind", "is_bad"),
    [
        (200, Outcome.COMPLETED, None, None, False),
        (200, Outcome.CLIENT_GONE, None, None, False),
        (200, Outcome.STREAM_CUT, None, "stream_cut", True),
        (400, Outcome.UPSTREAM_ERROR, "strange", "400", False),
        (429, Outcome.REFUSED, "rate_limit_exceeded", "rate_limit_exceeded", False),
        (502, Outcome.UPSTREAM_ERROR, "upstream_unreachable", "upstream_unreachable", True),
        (500, Outcome.FAILED, None, "500", True),
    ],
)
def test_errors_have_a_type_and_those_of_callers_are_none_of_ours(
    status: int, outcome: Outcome, code: str | None, kind: str | None, is_bad: bool
) -> None:
    event = replace(EVENT, status=status, outcome=outcome, error_code=code)

    assert (error_type_of(event), is_error(event)) == (kind, is_bad)


def test_operations_and_providers_have_the_names_of_the_conventions() -> None:
    assert [operation_of(name) for name in ("chat.completions", "responses", "completions", "embeddings")] == [
        "chat", "chat", "text_completion", "embeddings",
    ]  # fmt: skip
    assert operation_of("images.generations") == "images.generations"
    assert is_generation("images.generations")
    assert not is_generation("files.create")
    assert not is_generation("unknown")
    assert provider_of(EVENT) == "azure.ai.openai"
    assert provider_of(replace(EVENT, provider=None)) == "none"


def test_every_provider_that_there_is_has_a_name() -> None:
    from shared.providers.registry import PROVIDERS as REGISTERED

    assert set(PROVIDERS) == set(REGISTERED)
    assert "chat.completions" in METERS
