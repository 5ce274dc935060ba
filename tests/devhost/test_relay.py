"""The short way to a function answers as the extension's whole FastAPI app does; both run the same sample app here."""

import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.devhost.conftest import SampleApp, Serving, wait_for

SOURCE = """
    seen = contextvars.ContextVar("seen", default="unset")

    @app.route("echo/{first}/{*rest}", methods=["GET", "POST"])
    async def echo(req: Request) -> Response:
        body = await req.body()
        return JSONResponse({
            "parameters": dict(req.path_params), "query": req.url.query, "path": req.url.path, "body": body.decode(),
            "method": req.method, "custom": req.headers.getlist("x-custom"),
            "invocation_ids": len(req.headers.getlist("x-ms-invocation-id")),
            "is_mine": req.headers["x-ms-invocation-id"] == "mine",
        }, 201, {"x-answer": "yes"})

    @app.route("context", methods=["GET"])
    async def context(req: Request) -> StreamingResponse:
        seen.set("set")
        async def pieces():
            yield seen.get()
        return StreamingResponse(pieces(), media_type="text/plain")

    @app.route("traced", methods=["GET"])
    async def traced(req: Request, context: func.Context) -> str:
        return context.trace_context.trace_parent + " " + context.function_name

    @app.route("stream", methods=["GET"])
    async def stream(req: Request) -> StreamingResponse:
        async def pieces():
            for at in range(3):
                yield f"piece {at};"
                await asyncio.sleep(0)
        return StreamingResponse(pieces(), 202, {"x-kind": "stream"}, media_type="text/event-stream")

    @app.route("endless", methods=["GET"])
    async def endless(req: Request) -> StreamingResponse:
        async def pieces():
            try:
                yield "first"
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                (HERE / "endless.txt").write_text("cancelled")
                raise
        return StreamingResponse(pieces())

    @app.route("broken", methods=["GET"])
    async def broken(req: Request) -> StreamingResponse:
        async def pieces():
            yield "first"
            raise RuntimeError("mid-stream")
        return StreamingResponse(pieces())

    @app.route("waits", methods=["GET"])
    async def waits(req: Request) -> Response:
        (HERE / "waits.txt").write_text("running")
        while not await req.is_disconnected():
            await asyncio.sleep(0.01)
        (HERE / "waits.txt").write_text("disconnected")
        return Response()

    @app.route("dictionary", methods=["GET"])
    async def dictionary(req: Request) -> dict:
        return {"a": [1, None, "ü"]}

    @app.route("text", methods=["GET"])
    async def text(req: Request) -> str:
        return "plain"

    @app.route("nothing", methods=["GET"])
    async def nothing(req: Request):
        return None

    @app.route("raises", methods=["GET"])
    async def raises(req: Request) -> Response:
        raise ValueError("a secret reason")

    @app.route("refuses", methods=["GET"])
    async def refuses(req: Request) -> Response:
        raise HTTPException(418, "short and stout", {"x-pot": "tea"})

    @app.route("threaded", methods=["GET"])
    def threaded(req: Request) -> Response:
        return Response(b"from a thread")

    @app.route("anything")
    async def anything(req: Request) -> Response:
        return Response(req.method.encode(), media_type="text/plain")

    @app.route("openapi.json", methods=["GET"])
    async def openapi(req: Request) -> Response:
        return Response(b"never reached")

    @app.route("kept", methods=["GET"])
    async def kept(req: Request) -> str:
        from azure_functions_runtime.http_v2 import http_coordinator
        return str(len(http_coordinator._context_references))
"""

REQUESTS = [
    ("GET", "/echo/a%20b/c/d%2Fe?x=1&x=2"),
    ("POST", "/ECHO/one/"),
    ("GET", "/echo/%C3%BC"),
    ("GET", "/context"),
    ("GET", "/stream"),
    ("GET", "/dictionary"),
    ("GET", "/text"),
    ("GET", "/traced"),
    ("GET", "/nothing"),
    ("GET", "/raises"),
    ("GET", "/refuses"),
    ("GET", "/threaded"),
    ("GET", "/anything"),
    ("HEAD", "/anything"),
    ("TRACE", "/anything"),
    ("OPTIONS", "/anything"),
    ("PROPFIND", "/anything"),
    ("GET", "/openapi.json"),
    ("GET", "/unknown"),
    ("DELETE", "/text"),
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, Serving]]:
    """The same app served directly and strictly."""
    directory = tmp_path_factory.mktemp("relay")
    direct = Serving(SampleApp(directory / "direct", SOURCE), DEVHOST_STRICT="0")
    strict = Serving(SampleApp(directory / "strict", SOURCE), DEVHOST_STRICT="1")
    yield direct, strict
    direct.stop()
    strict.stop()


def answer(serving: Serving, method: str, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = {"x-ms-invocation-id": "mine", "x-custom": "1", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    response = httpx.request(method, serving.url + path, headers=headers, content=b"body" if method == "POST" else None)
    return response.status_code, [h for h in response.headers.multi_items() if h[0] != "date"], response.content


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_both_ways_give_the_same_answer(both: tuple[Serving, Serving], method: str, path: str) -> None:
    direct, strict = both

    assert answer(direct, method, path) == answer(strict, method, path)


def test_a_function_gets_its_parameters_and_the_hosts_own_invocation_id(both: tuple[Serving, Serving]) -> None:
    status, headers, body = answer(both[0], "POST", "/echo/a%20b/c/d%2Fe?x=1")

    assert (status, dict(headers)["x-answer"]) == (201, "yes")
    assert httpx.Response(200, content=body).json() == {
        "parameters": {"first": "a b", "rest": "c/d%2Fe"},
        "query": "x=1",
        "path": "/echo/a b/c/d/e",
        "body": "body",
        "method": "POST",
        "custom": ["1"],
        "invocation_ids": 1,
        "is_mine": False,
    }


def test_the_callers_trace_and_the_functions_name_reach_the_context(both: tuple[Serving, Serving]) -> None:
    assert answer(both[0], "GET", "/traced")[2] == f'"00-{"1" * 32}-{"2" * 16}-01 traced"'.encode()


@pytest.mark.parametrize("way", [0, 1])
def test_context_variables_of_a_function_are_unset_in_its_stream(both: tuple[Serving, Serving], way: int) -> None:
    assert both[way].client.get("/context").text == "unset"


@pytest.mark.parametrize("way", [0, 1])
def test_a_caller_who_leaves_cancels_the_stream(both: tuple[Serving, Serving], way: int) -> None:
    with both[way].client.stream("GET", "/endless") as response:
        assert next(response.iter_raw()) == b"first"

    mark = both[way].app.directory / "endless.txt"
    wait_for(lambda: mark.exists() and mark.read_text() == "cancelled")


@pytest.mark.parametrize("way", [0, 1])
def test_a_function_notices_that_its_caller_has_left(both: tuple[Serving, Serving], way: int) -> None:
    mark = both[way].app.directory / "waits.txt"
    with socket.create_connection(("127.0.0.1", urlsplit(both[way].url).port or 0)) as caller:
        caller.sendall(b"GET /waits HTTP/1.1\r\nhost: x\r\n\r\n")
        wait_for(mark.exists)

    wait_for(lambda: mark.read_text() == "disconnected")


@pytest.mark.parametrize("way", [0, 1])
def test_a_stream_that_breaks_is_cut_off_without_a_clean_end(both: tuple[Serving, Serving], way: int) -> None:
    with pytest.raises(httpx.RemoteProtocolError), both[way].client.stream("GET", "/broken") as response:
        assert b"first" in b"".join(response.iter_raw())


@pytest.mark.parametrize("way", [0, 1])
def test_the_coordinator_keeps_nothing_of_requests_that_have_ended(both: tuple[Serving, Serving], way: int) -> None:
    for path in ("/text", "/stream", "/raises", "/dictionary", "/openapi.json", "/anything"):
        httpx.get(both[way].url + path)

    assert both[way].client.get("/kept").json() == "1"


def test_an_upgrade_request_reaches_the_function_as_plain_http(both: tuple[Serving, Serving]) -> None:
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "eA==",
    }

    response = both[0].client.get("/anything", headers=headers)

    assert (response.status_code, response.text) == (200, "GET")
    assert "upgrade" not in both[0].printed().lower()


def test_the_server_dates_its_answers_and_does_not_name_itself(both: tuple[Serving, Serving]) -> None:
    headers = both[0].client.get("/text").headers

    assert "date" in headers
    assert "server" not in headers


def test_why_a_function_failed_is_in_the_log_and_not_in_the_answer(serve: Callable[..., Serving]) -> None:
    serving = serve(
        """
        @app.route("raises", methods=["GET"])
        async def raises(req: Request) -> Response:
            raise ValueError("the reason, with sk-CANARYabcdefghij")
        """
    )

    response = serving.client.get("/raises")

    assert (response.status_code, response.text) == (500, "Internal Server Error")
    _, printed = serving.stop()
    assert "ValueError: the reason" in printed
    assert "sk-CANARYabcdefghij" not in printed
