"""Starting and stopping: exit codes, signals, and what the person at the terminal reads."""

import os
import re
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from devhost.__main__ import main
from shared.adapters.local_queue import LocalQueue
from shared.clock import SystemClock
from tests.devhost.conftest import KEY, SampleApp, Serving, wait_for

READY = """
    @app.route("health/ready", methods=["GET"])
    async def ready(req: Request) -> str:
        return "ok"

    @app.route("slow", methods=["GET"])
    async def slow(req: Request) -> StreamingResponse:
        async def pieces():
            yield "begun;"
            while not (HERE / "go").exists():
                await asyncio.sleep(0.01)
            yield "done"
        return StreamingResponse(pieces())
"""
JOBS = (
    READY
    + """
    @app.service_bus_queue_trigger("messages", "Conn", "%QUEUE%", cardinality="many")
    async def drain(messages: typing.List[func.ServiceBusMessage]) -> None:
        for message in messages:
            if message.get_body() == b"poison":
                raise ValueError("poison")
        with (HERE / "drained.txt").open("a") as out:
            out.writelines(f"{m.message_id} {m.delivery_count} {m.get_body().decode()}\\n" for m in messages)

    @app.timer_trigger("timer", "0 0 0 1 1 *", run_on_startup=True)
    async def tick(timer: func.TimerRequest) -> None:
        with (HERE / "ticks.txt").open("a") as out:
            out.write(f"past due {timer.past_due}\\n")

    @app.queue_trigger("message", "storage", "Conn")
    async def stored(message: func.QueueMessage) -> None:
        (HERE / "stored.txt").write_text(message.get_body().decode())
"""
)


async def publish(serving: Serving, *bodies: bytes) -> None:
    """Put messages into the local queue, as another process would."""
    queue = LocalQueue(serving.app.data / "queues.db", SystemClock())
    for at, body in enumerate(bodies):
        queue.publish("events", f"m{at}", body)
    await queue.flush()
    await queue.close()


def messages(serving: Serving) -> list[tuple[str, str | None]]:
    with closing(sqlite3.connect(serving.app.data / "queues.db")) as db:
        return db.execute("SELECT queue, dead_letter_reason FROM messages").fetchall()


def test_the_banner_tells_what_runs_where(serve: Callable[..., Serving]) -> None:
    serving = serve(JOBS, QUEUE="events")

    code, printed = serving.stop()

    assert code == 0
    assert f"key        {KEY}" in printed
    assert "upstream   Azure OpenAI at http://127.0.0.1:9" in printed
    assert "functions  5, of which 1 timers and 2 queues" in printed
    assert f"data       {serving.app.data}" in printed
    assert "WARNING" not in printed


async def test_messages_are_delivered_and_gone(serve: Callable[..., Serving]) -> None:
    serving = serve(JOBS, QUEUE="events")
    drained = serving.app.directory / "drained.txt"

    await publish(serving, b"one", b"two")

    wait_for(lambda: drained.exists() and drained.read_text() == "m0 1 one\nm1 1 two\n")
    assert serving.stop()[0] == 0
    assert messages(serving) == []


async def test_a_message_that_always_fails_is_set_aside_with_the_kind_of_error(serve: Callable[..., Serving]) -> None:
    serving = serve(JOBS, QUEUE="events", DEVHOST_MAX_DELIVERIES="2")

    await publish(serving, b"poison")

    wait_for(lambda: "go to its dead-letter queue" in serving.printed())
    _, printed = serving.stop()
    assert "drain failed: ValueError: poison" in printed
    assert messages(serving) == [("events/dead-letter", "ValueError")]


def test_a_timer_that_runs_on_startup_has_run(serve: Callable[..., Serving]) -> None:
    ticks = serve(JOBS, QUEUE="events").app.directory / "ticks.txt"

    wait_for(lambda: ticks.exists() and ticks.read_text() == "past due False\n")


def test_functions_are_fired_by_hand_on_the_admin_path(serve: Callable[..., Serving]) -> None:
    serving = serve(JOBS, QUEUE="events")
    stored = serving.app.directory / "stored.txt"

    statuses = {
        "known": serving.client.post("/admin/functions/stored", json={"input": "by hand"}).status_code,
        "unknown": serving.client.post("/admin/functions/other", json={"input": ""}).status_code,
        "http": serving.client.post("/admin/functions/slow", json={"input": ""}).status_code,
        "no input": serving.client.post("/admin/functions/stored", json={}).status_code,
        "not json": serving.client.post("/admin/functions/stored", content=b"{").status_code,
        "get": serving.client.get("/admin/functions/stored").status_code,
    }

    assert statuses == {"known": 202, "unknown": 404, "http": 404, "no input": 400, "not json": 415, "get": 404}
    wait_for(lambda: stored.exists() and stored.read_text() == "by hand")


def test_a_timer_and_a_batch_function_are_fired_by_hand(serve: Callable[..., Serving]) -> None:
    serving = serve(JOBS, QUEUE="events")
    drained, ticks = serving.app.directory / "drained.txt", serving.app.directory / "ticks.txt"

    serving.client.post("/admin/functions/drain", json={"input": {"a": 1}})
    serving.client.post("/admin/functions/tick", json={"input": ""})

    wait_for(lambda: drained.exists() and '{"a": 1}' in drained.read_text())
    wait_for(lambda: ticks.exists() and ticks.read_text() == "past due False\n" * 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_open_stream_ends_before_the_host_does(serve: Callable[..., Serving], number: int) -> None:
    serving = serve(READY)
    with serving.client.stream("GET", "/slow") as response:
        pieces = response.iter_raw()
        assert next(pieces) == b"begun;"
        serving.process.send_signal(number)
        wait_for(lambda: "Stopping" in serving.printed())
        wait_for(lambda: refuses_connections(serving))
        (serving.app.directory / "go").touch()
        assert b"".join(pieces) == b"done"

    assert serving.process.wait(timeout=30) == 0


def test_a_stream_that_does_not_end_is_cut_off_after_the_grace_period(serve: Callable[..., Serving]) -> None:
    serving = serve(READY, DEVHOST_GRACE_SECONDS="1")
    with serving.client.stream("GET", "/slow") as response:
        pieces = response.iter_raw()
        assert next(pieces) == b"begun;"
        code, _ = serving_stopped(serving)
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)

    assert code == 0


def test_a_second_signal_ends_the_host_at_once(serve: Callable[..., Serving]) -> None:
    serving = serve(READY)
    with serving.client.stream("GET", "/slow") as response:
        assert next(response.iter_raw()) == b"begun;"
        serving.process.send_signal(signal.SIGINT)
        wait_for(lambda: "Stopping" in serving.printed())
        serving.process.send_signal(signal.SIGINT)

        assert serving.process.wait(timeout=5) == 1


def test_a_port_that_is_taken_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, printed = SampleApp(tmp_path / "app", READY).run_to_end(PORT=str(port))

    assert code == 1
    assert printed == f"Port {port} is taken by another process: stop it, or choose another port with PORT=…\n"


def test_wrong_settings_stop_the_start_before_anything_else(tmp_path: Path) -> None:
    code, printed = SampleApp(tmp_path / "app", "raise RuntimeError('loaded')").run_to_end(
        TOLLGATE_CONFIG="/nowhere.yaml"
    )

    assert code == 2
    assert printed == "Tollgate cannot start:\n  - TOLLGATE_CONFIG names /nowhere.yaml, which is not a file\n"


def test_telemetry_without_an_address_is_a_wrong_setting_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    wrong = {
        "TOLLGATE_TELEMETRY": "otlp",
        "TOLLGATE_DATA": str(tmp_path),
        "PORT": "0",
        "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)

    assert main() == 2
    assert capsys.readouterr().err == (
        "Tollgate cannot start:\n  - otlp needs OTEL_EXPORTER_OTLP_ENDPOINT: the collector's address, like https://collector:4318\n"
    )


def test_a_port_that_is_no_number_is_a_wrong_setting(tmp_path: Path) -> None:
    assert SampleApp(tmp_path / "app", READY).run_to_end(PORT="http") == (2, "PORT must be a number, not 'http'.\n")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise RuntimeError('my own trouble')", "The function app does not load: RuntimeError: my own trouble"),
        ("import a_package_that_is_missing", "No module named 'a_package_that_is_missing'"),
        (
            """
            @app.service_bus_queue_trigger("messages", "Conn", "events", cardinality="many")
            async def drain(messages: list[func.ServiceBusMessage]) -> None: ...
            """,
            "cannot load the drain function",
        ),
        (
            """
            @app.route("administration")
            async def mine(req: Request) -> Response: ...
            """,
            "The 'mine' function is in error: The specified route conflicts with one or more built in routes.",
        ),
        (
            """
            @app.timer_trigger("timer", "61 * * * * *")
            async def tick(timer: func.TimerRequest) -> None: ...
            """,
            "The 'tick' function is in error: The second 61 is not between 0 and 59.",
        ),
        (
            """
            @app.queue_trigger("message", "%NOT_SET%", "Conn")
            async def stored(message: func.QueueMessage) -> None: ...
            """,
            "'%NOT_SET%' does not resolve to a value.",
        ),
        ("", "There are no functions in"),
    ],
)
def test_an_app_that_the_host_would_refuse_does_not_start(tmp_path: Path, source: str, expected: str) -> None:
    code, printed = SampleApp(tmp_path / "app", source).run_to_end()

    assert code == 1
    assert expected in printed


def test_an_app_that_is_not_ready_is_said_to_be(serve: Callable[..., Serving]) -> None:
    serving = serve(
        """
        @app.route("health/ready", methods=["GET"])
        async def ready(req: Request) -> Response:
            return Response(status_code=503)
        """
    )

    assert "/health/ready answers 503" in serving.printed()


def test_routes_that_lose_requests_and_output_bindings_are_warned_of(serve: Callable[..., Serving]) -> None:
    serving = serve(
        READY
        + """
    @app.route("items/{id}", methods=["GET"])
    @app.queue_output("out", "storage", "Conn")
    async def item(req: Request, out: func.Out[str]) -> str: ...

    @app.route("items/list", methods=["GET"])
    async def listing(req: Request) -> str: ...

    @app.blob_trigger("blob", "container/name", "Conn")
    async def uploaded(blob: func.InputStream) -> None: ...
    """
    )

    printed = serving.printed()
    assert "/items/list of listing loses requests to /items/{id} of item" in printed
    assert "item has output bindings, which this host does not carry" in printed
    assert "uploaded has a blobTrigger, which this host fires by hand only" in printed


def test_requests_during_the_start_are_answered_once_the_app_is_up(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = SampleApp(tmp_path / "app", READY).spawn(PORT=str(port))
    try:
        wait_for(lambda: can_connect(port))
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30).json() == "ok"
    finally:
        process.terminate()
    assert process.wait(timeout=30) == 0


def test_the_keys_of_each_start_differ_and_the_examples_work_as_printed(serve: Callable[..., Serving]) -> None:
    source = (
        READY
        + """
    @app.route("v1/chat/completions", methods=["POST"])
    async def chat(req: Request) -> JSONResponse:
        asked = await req.json()
        content = f"{asked['model']} {req.headers['authorization']}"
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        return JSONResponse({"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]})
    """
    )
    one, other = serve(source, TOLLGATE_DEMO_KEY=""), serve(source, TOLLGATE_DEMO_KEY="")
    keys = [re.findall(r"key        (sk-\w+)", serving.printed()) for serving in (one, other)]

    assert all(re.fullmatch(r"sk-[0-9A-Za-z]{40,}", key) for [key] in keys)
    assert keys[0] != keys[1]
    printed = one.printed()
    example = printed[printed.index("from openai") :].split("\n\n")[0]
    curl = printed[printed.index("curl http") : printed.index("\n\nor with")]
    expected = f"small-model Bearer {keys[0][0]}"
    assert len(example.strip().splitlines()) == 5
    assert run([sys.executable, "-W", "ignore", "-c", example]).strip() == expected
    assert expected in run(["sh", "-c", curl])


def run(command: list[str]) -> str:
    import subprocess

    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def refuses_connections(serving: Serving) -> bool:
    return not can_connect(urlsplit(serving.url).port or 0)


def serving_stopped(serving: Serving) -> tuple[int, str]:
    """Stop without closing the client's connections."""
    serving.process.send_signal(signal.SIGTERM)
    return serving.process.wait(timeout=30), serving.printed()


def test_ending_by_signal_leaves_no_thread_or_task_complaints(serve: Callable[..., Serving]) -> None:
    serving = serve(JOBS, QUEUE="events")
    callers = [threading.Thread(target=serving.client.get, args=["/health/ready"]) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    code, printed = serving.stop()

    assert code == 0
    assert "Traceback" not in printed
    assert "never retrieved" not in printed
