import orjson
import pytest

from tests.shared.gateway.batch_files import line, uploaded
from tests.shared.gateway.harness import Gateway, error_of, json_answer

FILE = (
    b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="\xc3\xa6.jsonl"\r\n\r\n{}\r\n--B--\r\n'
)


async def upload(gateway: Gateway, identity: str, team: str = "research") -> None:
    gateway.upstream.answers = [json_answer({"id": identity, "object": "file", "purpose": "assistants"})]
    answer = await gateway.call("POST", "/v1/files", FILE, team=team, content_type="multipart/form-data; boundary=B")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/files/file-1"),
        ("DELETE", "/v1/files/file-1"),
        ("GET", "/v1/files/file-1/content"),
        ("GET", "/openai/files/file-1"),
        ("GET", "/openai/v1/files/file-1/content"),
    ],
)
async def test_another_teams_file_does_not_exist(gateway: Gateway, method: str, path: str) -> None:
    await upload(gateway, "file-1")
    before = len(gateway.upstream.sent)

    stranger = await gateway.call(method, path, team="other")
    owner = await gateway.call(method, path)

    assert (stranger.status, owner.status) == (404, 200)
    assert error_of(stranger)["code"] == "not_found"
    assert len(gateway.upstream.sent) == before + 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batches", {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}),
        ("/v1/vector_stores", {"file_ids": ["file-1"]}),
        ("/v1/fine_tuning/jobs", {"model": "gpt-4o", "training_file": "file-1"}),
        ("/v1/fine_tuning/jobs", {"model": "gpt-4o", "training_file": "x", "validation_file": "file-1"}),
        ("/v1/responses", {"model": "gpt-4o", "input": [{"content": [{"type": "input_file", "file_id": "file-1"}]}]}),
        ("/v1/responses", {"model": "gpt-4o", "input": "x", "previous_response_id": "file-1"}),
        ("/v1/responses", {"model": "gpt-4o", "tools": [{"type": "file_search", "vector_store_ids": ["file-1"]}]}),
        ("/v1/responses", {"model": "gpt-4o", "tools": [{"type": "code_interpreter", "container": "cntr_1"}]}),
        ("/v1/responses", {"model": "gpt-4o", "conversation": {"id": "conv_1"}}),
        ("/v1/evals", {"data_source": {"source": {"type": "file_id", "id": "file-1"}}}),
    ],
)
async def test_another_teams_object_cannot_be_used_in_a_body(
    gateway: Gateway, path: str, body: dict[str, object]
) -> None:
    await upload(gateway, "file-1")
    before = len(gateway.upstream.sent)

    answer = await gateway.call("POST", path, body, team="other")

    assert answer.status == 404
    assert len(gateway.upstream.sent) == before


@pytest.mark.parametrize(
    "body",
    [
        rb'{"model":"gpt-4o","previous_response_\u0069d":"resp_of_another_team"}',
        rb'{"model":"gpt-4o","tools":[{"\u0066ile_ids":["file-1"]}]}',
    ],
)
async def test_escapes_do_not_hide_a_reference(gateway: Gateway, body: bytes) -> None:
    answer = await gateway.call("POST", "/v1/responses", body)

    assert answer.status == 404
    assert gateway.upstream.sent == []


async def test_a_reference_that_is_written_twice_is_refused(gateway: Gateway) -> None:
    await upload(gateway, "file-1")

    answer = await gateway.call("POST", "/v1/batches", b'{"input_file_id":"file-2","input_file_id":"file-1"}')

    assert (answer.status, error_of(answer)["code"]) == (400, "duplicate_key")


async def test_ids_in_a_tools_schema_are_not_references(gateway: Gateway) -> None:
    tool = {
        "type": "function",
        "name": "read",
        "parameters": {"properties": {"file_id": {"type": "string"}}, "default": {"file_id": "x"}},
    }

    answer = await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "tools": [tool]})

    assert answer.status == 200


async def test_a_batchs_result_files_belong_to_its_owner(gateway: Gateway) -> None:
    await uploaded(gateway, line("gpt-4o"))
    batch = {"id": "batch_1", "status": "completed", "output_file_id": "file-out", "error_file_id": ""}
    gateway.upstream.answers = [json_answer({"id": "batch_1", "status": "validating"}), json_answer(batch)]
    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in"})

    await gateway.call("GET", "/v1/batches/batch_1")

    assert (await gateway.call("GET", "/v1/files/file-out/content")).status == 200
    assert (await gateway.call("GET", "/v1/files/file-out/content", team="other")).status == 404


async def test_lists_show_the_teams_own_objects_page_by_page(gateway: Gateway) -> None:
    for number in range(5):
        await upload(gateway, f"file-{number}")
        gateway.clock.advance(1)
    await upload(gateway, "file-of-another-team", team="other")
    gateway.upstream.rule = lambda request: json_answer({"id": request.url.rsplit("/", 1)[1], "object": "file"})

    first = orjson.loads(bytes((await gateway.call("GET", "/v1/files", query="limit=3")).body))  # type: ignore[arg-type]
    rest = orjson.loads(bytes((await gateway.call("GET", "/v1/files", query=f"limit=3&after={first['last_id']}")).body))  # type: ignore[arg-type]

    assert [item["id"] for item in first["data"]] == ["file-4", "file-3", "file-2"]
    assert [item["id"] for item in rest["data"]] == ["file-1", "file-0"]
    assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_a_deleted_object_is_forgotten(gateway: Gateway) -> None:
    await upload(gateway, "file-1")

    await gateway.call("DELETE", "/v1/files/file-1")

    assert (await gateway.call("GET", "/v1/files/file-1")).status == 404


async def test_a_response_goes_back_to_the_deployment_that_made_it(gateway: Gateway) -> None:
    made = {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 1, "output_tokens": 1}}
    gateway.upstream.answers = [json_answer(made)]
    await gateway.call("POST", "/v1/responses", {"model": "west-only", "input": "x"})
    await gateway.settled()

    follow_up = await gateway.call(
        "POST", "/v1/responses", {"model": "both", "input": "y", "previous_response_id": "resp_1"}
    )
    elsewhere = await gateway.call(
        "POST", "/v1/responses", {"model": "gpt-4o", "input": "y", "previous_response_id": "resp_1"}
    )

    assert follow_up.status == 200
    assert gateway.upstream.sent[-1].url == "https://west.example/openai/responses?api-version=2025-04-01-preview"
    assert (elsewhere.status, error_of(elsewhere)["code"]) == (409, "object_in_other_account")


async def test_with_the_registry_down_nothing_is_guessed(gateway: Gateway) -> None:
    from shared.documents import StoreUnavailable

    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailable

    gateway.documents.get = down  # type: ignore[method-assign,assignment]

    answer = await gateway.call("GET", "/v1/files/file-9")

    assert (answer.status, error_of(answer)["code"]) == (503, "ownership_unavailable")


async def test_a_form_names_its_model_and_keeps_its_bytes(gateway: Gateway) -> None:
    form = FILE.replace(b'name="purpose"\r\n\r\nassistants', b'name="model"\r\n\r\nplain-whisper')

    await gateway.call("POST", "/v1/audio/transcriptions", form, content_type="multipart/form-data; boundary=B")
    await gateway.call(
        "POST",
        "/v1/audio/transcriptions",
        form.replace(b"plain-whisper", b"gpt-4o"),
        content_type='multipart/form-data; boundary="B"',
    )

    assert gateway.upstream.sent[0].body == form
    assert gateway.upstream.sent[1].body == form.replace(b"plain-whisper", b"gpt-4o")


async def test_a_form_on_an_azure_path_needs_no_model_field(gateway: Gateway) -> None:
    await gateway.call(
        "POST", "/openai/deployments/gpt-4o/audio/transcriptions", FILE, content_type="multipart/form-data; boundary=B"
    )

    added = b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o\r\n'
    assert gateway.upstream.sent[0].body == added + FILE


@pytest.mark.parametrize("body", [b"", b"--B", b"nonsense", FILE[:60], FILE[:-8]])
async def test_a_broken_form_is_a_400(gateway: Gateway, body: bytes) -> None:
    answer = await gateway.call("POST", "/v1/files", body, content_type="multipart/form-data; boundary=B")

    assert (answer.status, error_of(answer)["code"]) == (400, "invalid_form")
