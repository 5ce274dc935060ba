"""Nothing that a line of a batch file says makes its work less than nothing, or more than can be counted."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest
from shared.gateway.spending.batch_lines import BatchLine
from shared.gateway.spending.members import MOST, NUMBERS
from tests.shared.gateway.batch_files import line, upload_batch
from tests.shared.gateway.harness import error_of
from tests.shared.gateway.limited import gateway_with


@pytest.mark.parametrize("value", [0, -(10**9), -1, 1.0, True, "5", 10**9 + 1, 1e30, []])
@pytest.mark.parametrize("name", NUMBERS)
async def test_a_line_that_asks_for_no_positive_number_is_named_and_refused(
    tmp_path: Path, name: str, value: object
) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, quotas: [{tokens: 1000000}]")

    refused = await upload_batch(gateway, line("gpt-4o") + line("gpt-4o", **{name: value}))

    assert (refused.status, error_of(refused)["code"]) == (400, "invalid_batch")
    assert "Line 2" in error_of(refused)["message"]


ANYTHING = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=3)


@given(st.dictionaries(st.sampled_from(NUMBERS), ANYTHING))
def test_work_is_never_negative_and_never_too_much_to_count(numbers: dict[str, object]) -> None:
    work: dict[str, tuple[int, int]] = {}
    try:
        BatchLine(line("gpt-4o", **numbers), 1).add_to(work)
    except BadRequest:
        return

    prompt, output = work["gpt-4o"]
    assert 0 < prompt <= MOST
    assert 0 < output <= MOST


def output_of(**body: object) -> int:
    work: dict[str, tuple[int, int]] = {}
    BatchLine(line("gpt-4o", **body), 1).add_to(work)
    return work["gpt-4o"][1]


def test_a_line_s_output_is_that_of_a_call() -> None:
    assert output_of(max_output_tokens=10, n=3) == 30
    assert output_of(max_output_tokens=None) == 1_000
    assert output_of(max_tokens=10) == 1_000


async def test_lines_are_not_counted_in_the_event_loop(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_prompt_tokens: 30")
    threads: list[Any] = []
    count_now = gateway.runtime.counter.count_now

    def counted(model: str, text: str) -> int:
        threads.append(threading.current_thread())
        return count_now(model, text)

    gateway.runtime.counter.count_now = counted  # type: ignore[method-assign]

    await upload_batch(gateway, line("gpt-4o", instructions="hello " * 10, max_output_tokens=1))
    await asyncio.sleep(0)

    assert threads
    assert threading.current_thread() not in threads


async def test_a_line_that_is_nested_too_deeply_is_refused_and_not_a_fault(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path)
    deep = b'{"a":' * 300 + b"1" + b"}" * 300

    refused = await upload_batch(gateway, b'{"url":"/v1/responses","body":{"model":"gpt-4o","tools":[' + deep + b"]}}")

    assert refused.status == 400


async def test_lines_that_produce_no_text_have_no_length_of_it(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_output_tokens: 100")
    moderation = orjson.dumps({"url": "/v1/moderations", "body": {"model": "gpt-4o", "input": "x"}})

    assert (await upload_batch(gateway, moderation)).status == 200
