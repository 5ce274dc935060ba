"""What the gateway writes itself has the shape that the SDK declares for it, field by field."""

import http.client
import json

import pytest
from openai import AsyncOpenAI
from openai.types import Model
from openai.types.shared import ErrorObject
from pydantic import BaseModel

from tests.e2e.conftest import KEY, Tollgate


def strictly(model: type[BaseModel], value: object) -> BaseModel:
    """Check a value against a type of the SDK, which by itself would take anything."""
    assert isinstance(value, dict)
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= value.keys() <= model.model_fields.keys()
    return model.model_validate(value, strict=True)


def fetch(
    tollgate: Tollgate, method: str, path: str, body: str | None = None, key: str = KEY
) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", tollgate.port, timeout=30)
    connection.request(method, path, body, {"authorization": f"Bearer {key}", "content-type": "application/json"})
    answer = connection.getresponse()
    parsed: dict[str, object] = json.loads(answer.read())
    connection.close()
    return answer.status, parsed


def test_models(tollgate: Tollgate) -> None:
    _, listed = fetch(tollgate, "GET", "/v1/models")
    _, one = fetch(tollgate, "GET", "/v1/models/gpt-4o")

    assert listed["object"] == "list"
    assert isinstance(listed["data"], list)
    for model in [*listed["data"], one]:
        strictly(Model, model)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/chat/completions", "{", 400),
        ("POST", "/v1/chat/completions", '{"model":"none"}', 404),
        ("GET", "/v1/chat/completions", None, 405),
        ("GET", "/v1/nothing", None, 404),
        ("POST", "/v1/moderations", "{}", 404),
        ("GET", "/v1/files/file-none", None, 404),
        ("POST", "/v1/chat/completions", '{"model":"dead","messages":[]}', 502),
    ],
)
def test_errors(tollgate: Tollgate, method: str, path: str, body: str | None, status: int) -> None:
    answered, parsed = fetch(tollgate, method, path, body)

    assert (answered, parsed.keys()) == (status, {"error"})
    strictly(ErrorObject, parsed["error"])


def test_a_401(tollgate: Tollgate) -> None:
    answered, parsed = fetch(tollgate, "GET", "/v1/models", key="sk-nobody")

    assert answered == 401
    strictly(ErrorObject, parsed["error"])


async def test_the_async_client_streams(async_openai: AsyncOpenAI) -> None:
    stream = await async_openai.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Say hello"}], stream=True
    )
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async with async_openai.responses.stream(model="gpt-5", input="Say hello") as events:
        final = await events.get_final_response()

    assert text
    assert final.output_text
