"""What the gateway counts, read over a real socket as Prometheus does."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.e2e.conftest import CONFIG, KEY, Tollgate

OPERATOR = "sk-CANARY-operator-key-0123456789"
PROMPT = "CANARY-PROMPT"


def start(directory: Path, **environment: str) -> Tollgate:
    config = directory / "gateway.yaml"
    config.write_text(
        CONFIG.replace("{id: other}]", "{id: other}, {id: platform}]").replace(
            "keys:\n",
            'keys:\n  - {id: vk_operator, owner: teams/platform, role: platform_admin, secret_ref: "env:OPERATOR_KEY"}\n',
        )
    )
    keys = {"EXPIRED_KEY": "sk-expired-key-01234", "DISABLED_KEY": "sk-disabled-key-01234", "OPERATOR_KEY": OPERATOR}
    running = Tollgate(directory, config, **keys, **environment)
    running.start()
    return running


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tollgate]:
    running = start(tmp_path_factory.mktemp("watched"), TOLLGATE_TELEMETRY="prometheus", TOLLGATE_ACCESS_LOG="json")
    yield running
    assert running.stop() == 0, running.log.read_text()


def scrape(tollgate: Tollgate, key: str | None) -> tuple[int, str, str]:
    """Return status, media type and text."""
    request = urllib.request.Request(
        f"{tollgate.url}/metrics", headers={"authorization": f"Bearer {key}"} if key else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read().decode()


def test_an_operator_reads_what_was_counted_and_nothing_that_was_said(watched: Tollgate) -> None:
    with OpenAI(base_url=f"{watched.url}/v1", api_key=KEY, max_retries=0) as client:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": PROMPT}], user="CANARY-USER"
        )

    status, media_type, text = scrape(watched, OPERATOR)

    assert (status, media_type.split(";")[0]) == (200, "text/plain")
    (line,) = [
        line
        for line in text.splitlines()
        if line.startswith("tollgate_requests_") and 'endpoint="chat.completions"' in line
    ]
    assert 'model="gpt-4o"' in line
    assert 'status="200"' in line
    assert "tollgate_overhead_seconds_bucket" in text
    assert "CANARY" not in text
    (logged,) = [line for line in watched.log.read_text().splitlines() if '"endpoint":"chat.completions"' in line]
    assert "CANARY" not in logged


def test_developers_and_strangers_read_nothing(watched: Tollgate) -> None:
    assert [scrape(watched, key)[0] for key in (None, "sk-nobody", KEY)] == [401, 401, 403]


def test_where_it_is_not_enabled_there_is_no_such_address(tmp_path: Path) -> None:
    silent = start(tmp_path, TOLLGATE_TELEMETRY="off")
    try:
        assert [scrape(silent, key)[0] for key in (None, KEY, OPERATOR)] == [404, 404, 404]
    finally:
        assert silent.stop() == 0
