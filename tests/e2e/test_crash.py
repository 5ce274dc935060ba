import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import CONFIG, KEY, Tollgate


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Tollgate]:
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    running = Tollgate(tmp_path, config, EXPIRED_KEY="sk-expired-key-01234", DISABLED_KEY="sk-disabled-key-01234")
    running.start()
    yield running
    running.kill()


def call(tollgate: Tollgate) -> str:
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = urllib.request.Request(
        f"{tollgate.url}/v1/chat/completions",
        body,
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.headers["x-request-id"])


def test_a_killed_gateway_loses_and_doubles_nothing_that_was_committed(own: Tollgate) -> None:
    ids = [call(own) for _ in range(30)]
    own.event_of(ids[-1])
    own.kill()

    own.start()
    ids.append(call(own))
    own.event_of(ids[-1])

    stored = [event["id"] for event in own.wait_for_events(lambda events: events if len(events) >= 31 else [])]
    assert sorted(stored) == sorted(ids)


def test_a_stopped_gateway_has_stored_every_event(own: Tollgate) -> None:
    ids = [call(own) for _ in range(10)]

    assert own.stop() == 0
    own.start()

    stored = [event["id"] for event in own.wait_for_events(lambda events: events if len(events) >= 10 else [])]
    assert sorted(stored) == sorted(ids)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("version: 1\nroutes: []\n", "gateway.yaml:"),
        ("version: 1\nkeyz: []\n", "keyz"),
        (None, "TOLLGATE_CONFIG"),
    ],
)
def test_a_wrong_configuration_stops_the_start_and_says_where(
    tmp_path: Path, config: str | None, expected: str
) -> None:
    path = tmp_path / "gateway.yaml"
    if config is not None:
        path.write_text(config)
    refused = Tollgate(tmp_path, path)

    with pytest.raises(AssertionError, match=expected):
        refused.start()
    assert refused.exit_code in (1, 2)
