from typing import Any

import pytest

from devhost.admin import Admin
from tests.devhost.fakes import HandClock, ScriptedRun, function


async def status_for(client: str, body: bytes = b'{"input": "x"}', **binding: object) -> tuple[int, ScriptedRun]:
    run, sent = ScriptedRun(), []
    admin = Admin({"job": function(**binding)}, run, HandClock())

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json; charset=utf-8")]
    scope = {"path": "/admin/functions/job", "method": "POST", "client": (client, 1), "headers": headers}
    await admin(scope, receive, send)
    await admin.finish()
    return sent[0]["status"], run


@pytest.mark.parametrize(("client", "status"), [("127.0.0.1", 202), ("::1", 202), ("10.0.0.1", 404)])
async def test_only_callers_on_this_machine_fire_functions(client: str, status: int) -> None:
    answered, run = await status_for(client)

    assert answered == status
    assert len(run.given) == (status == 202)


async def test_a_trigger_that_this_host_does_not_know_gets_the_input_as_json() -> None:
    _, run = await status_for("::1", b'{"input": [{"id": "1"}]}', kind="cosmosDBTrigger")

    assert run.given[0].value.json == '[{"id": "1"}]'


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff"])
async def test_a_body_without_input_is_refused(body: bytes) -> None:
    assert (await status_for("::1", body))[0] == 400
