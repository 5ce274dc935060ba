"""How the client behaves when the gateway is busy, elsewhere, or no gateway at all."""

import socket

import pytest

from tests.cli.console import Console
from tests.cli.stub import Stub

ME = {"id": "vk_1", "kind": "virtual_key", "role": "developer", "owner": "teams/a", "scope": "keys/vk_1", "team": "a"}


def test_a_busy_gateway_is_asked_again_after_the_time_that_it_names(stub: Stub, console: Console) -> None:
    stub.problem("GET me", 503, "The store cannot be reached.", retry_after="7")
    stub.problem("GET me", 503, "The store cannot be reached.", retry_after="9999")
    stub.problem("GET me", 503, "The store cannot be reached.", retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    stub.tell("GET me", ME)

    asked = console("whoami")

    assert asked.code == 0
    assert "teams/a" in asked.out
    assert console.waits == [7, 30, 1]


def test_a_gateway_that_stays_busy_is_given_up_after_three_more_tries(stub: Stub, console: Console) -> None:
    stub.problem("GET me", 503, "The store cannot be reached.", retry_after="1")

    asked = console("whoami")

    assert (asked.code, asked.out) == (1, "")
    assert asked.errors == ["error: The store cannot be reached."]
    assert len(stub.asked) == 4


def test_what_changes_something_is_sent_once(stub: Stub, console: Console) -> None:
    stub.problem("POST keys", 503, "The store cannot be reached.", retry_after="1")

    assert console("keys", "mint", "--team", "a").code == 1
    assert len(stub.asked) == 1


def test_a_redirect_is_not_followed(stub: Stub, console: Console) -> None:
    stub.tell("GET me", None, 307, location=f"{stub.url}/api/v1/elsewhere")

    asked = console("whoami")

    assert asked.code == 1
    assert "redirects are not followed" in asked.err
    assert len(stub.asked) == 1


@pytest.mark.parametrize("raw", [b"<html>hello</html>", b"[1]", b"", b"\xff", b"[" * 10_000])
def test_an_answer_of_something_else_is_told_without_repeating_it(stub: Stub, console: Console, raw: bytes) -> None:
    stub.tell("GET me", raw)

    asked = console("whoami")

    assert asked.code == 1
    assert asked.errors == ["error: The answer is not one of the management API; check the address."]


@pytest.mark.parametrize("raw", [b"<html>hello</html>", b'{"errors": "?"}', b'{"detail": 5}', b'{"errors": [1]}'])
def test_a_refusal_by_something_else_tells_its_status(stub: Stub, console: Console, raw: bytes) -> None:
    stub.tell("GET me", raw, 502)

    asked = console("whoami")

    assert asked.errors == ["error: 502 Bad Gateway, and not from the management API."]


def test_an_answer_without_what_is_needed_is_a_failure_and_no_crash(stub: Stub, console: Console) -> None:
    stub.tell("GET keys?limit=200", {"data": [1, 2]})

    asked = console("keys", "list")

    assert asked.code == 1
    assert "lacks data" in asked.err


def test_a_gateway_that_is_not_there_is_told_with_its_address(console: Console) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    asked = console("whoami", "--url", f"http://127.0.0.1:{port}")

    assert asked.code == 1
    assert asked.errors == [f"error: http://127.0.0.1:{port} cannot be reached (ConnectError)."]


def test_a_proxy_does_not_see_the_key_of_a_gateway_on_this_machine(
    stub: Stub, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    stub.tell("GET me", ME)

    assert console("whoami").code == 0


def test_names_cannot_steer_the_terminal(stub: Stub, console: Console) -> None:
    stub.tell("GET me", {**ME, "id": "\x1b[2J\x9b1mada"})

    assert "\x1b" not in console("whoami").out
    assert "\x9b" not in console("whoami").out
