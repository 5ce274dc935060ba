import asyncio
import json
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, BadRequestError, NotFoundError

NAME = 'naïve "日本" file.jsonl'


def lines(*bodies: dict[str, Any], url: str = "/v1/chat/completions") -> bytes:
    return b"\n".join(
        json.dumps({"custom_id": str(index), "method": "POST", "url": url, "body": body}).encode()
        for index, body in enumerate(bodies)
    )


def chat(text: str, model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


async def finished(openai: AsyncOpenAI, batch_id: str) -> Any:
    async with asyncio.timeout(10):
        while (batch := await openai.batches.retrieve(batch_id)).status == "validating":
            continue
    return batch


async def run(openai: AsyncOpenAI, content: bytes, endpoint: Any = "/v1/chat/completions") -> Any:
    file = await openai.files.create(file=("in.jsonl", content), purpose="batch")
    batch = await openai.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")
    assert batch.status == "validating"
    return await finished(openai, batch.id)


async def test_a_file_comes_back_byte_for_byte(openai: AsyncOpenAI) -> None:
    content = bytes(range(256)) + b"\r\n--not a boundary\r\n\r\n"
    file = await openai.files.create(file=(NAME, content), purpose="assistants")
    assert (file.filename, file.bytes, file.object) == (NAME, len(content), "file")
    assert (await openai.files.content(file.id)).content == content
    assert [each.id for each in (await openai.files.list(purpose="assistants")).data] == [file.id]
    assert (await openai.files.list(purpose="batch")).data == []
    assert (await openai.files.delete(file.id)).deleted
    with pytest.raises(NotFoundError):
        await openai.files.retrieve(file.id)


async def test_the_azure_client_reaches_files_without_a_deployment(azure: AsyncAzureOpenAI) -> None:
    file = await azure.files.create(file=("a.txt", b"a"), purpose="assistants")
    assert (await azure.files.retrieve(file.id)).id == file.id


async def test_a_purpose_that_azure_lacks_is_refused(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refusal:
        await openai.files.create(file=("a.txt", b"a"), purpose="user_data")
    assert refusal.value.param == "purpose"


async def test_lists_are_paged_newest_first(openai: AsyncOpenAI) -> None:
    ids = [(await openai.files.create(file=(f"{n}", b"x"), purpose="batch")).id for n in range(3)]
    page = await openai.files.list(limit=2)
    assert ([each.id for each in page.data], page.has_more) == (ids[:0:-1], True)
    assert [each.id async for each in page] == ids[::-1]


async def test_a_batch_runs_its_lines_and_adds_up_their_usage(openai: AsyncOpenAI) -> None:
    batch = await run(openai, lines(chat("one"), chat("two"), chat("bad", n=0)))
    assert batch.status == "completed"
    assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 1)
    results = [json.loads(line) for line in (await openai.files.content(batch.output_file_id)).content.splitlines()]
    assert [result["response"]["status_code"] for result in results] == [200, 200, 400]
    totals = [result["response"]["body"].get("usage", {}).get("total_tokens", 0) for result in results]
    assert batch.usage.total_tokens == sum(totals) > 0
    assert batch.error_file_id == ""


async def test_a_batch_of_responses_runs(openai: AsyncOpenAI) -> None:
    content = lines({"model": "gpt-5", "input": "hi"}, url="/v1/responses")
    batch = await run(openai, content, "/v1/responses")
    assert batch.status == "completed"
    assert batch.usage.output_tokens_details.reasoning_tokens == 64


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b"\xef\xbb\xbf" + lines(chat("a")), lines(chat("a"), chat("b", model="gpt-4.1")), lines({})],
)
async def test_an_unfit_file_fails_the_batch(openai: AsyncOpenAI, content: bytes) -> None:
    batch = await run(openai, content)
    assert batch.status == "failed"
    assert batch.errors.data[0].message


async def test_a_batch_needs_a_file_and_an_endpoint(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError):
        await openai.batches.create(input_file_id="x", endpoint="/v1/chat/completions", completion_window="24h")
    file = await openai.files.create(file=("in.jsonl", b"{}"), purpose="batch")
    with pytest.raises(BadRequestError):
        await openai.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")


async def test_a_batch_can_be_cancelled(openai: AsyncOpenAI) -> None:
    file = await openai.files.create(file=("in.jsonl", lines(chat("a"))), purpose="batch")
    batch = await openai.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert (await openai.batches.cancel(batch.id)).status == "cancelled"
    assert [each.id for each in (await openai.batches.list()).data] == [batch.id]


async def test_a_vector_store_finds_the_file_with_the_words(openai: AsyncOpenAI) -> None:
    files = [
        await openai.files.create(file=(name, text), purpose="assistants")
        for name, text in (("a.txt", b"apples and pears"), ("b.txt", b"bolts and nuts"))
    ]
    store = await openai.vector_stores.create(name="shop", file_ids=[files[0].id])
    batch = await openai.vector_stores.file_batches.create(store.id, file_ids=[files[1].id])
    inside = await openai.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id)
    assert [each.id for each in inside.data] == [files[1].id]
    found = await openai.vector_stores.search(store.id, query="nuts")
    assert [(hit.filename, hit.score) for hit in found.data] == [("b.txt", 1.0)]
    assert (await openai.vector_stores.retrieve(store.id)).file_counts.completed == 2
    assert (await openai.vector_stores.update(store.id, name="new")).name == "new"
    await openai.vector_stores.files.delete(files[0].id, vector_store_id=store.id)
    assert len((await openai.vector_stores.files.list(store.id)).data) == 1
    assert (await openai.vector_stores.delete(store.id)).deleted


async def test_a_container_keeps_files(openai: AsyncOpenAI) -> None:
    container = await openai.containers.create(name="box")
    file = await openai.containers.files.create(container.id, file=("a.txt", b"abc"))
    content = await openai.containers.files.content.retrieve(file.id, container_id=container.id)
    assert (file.path, content.content) == ("/mnt/data/a.txt", b"abc")
    await openai.containers.delete(container.id)
    with pytest.raises(NotFoundError):
        await openai.containers.files.list(container.id)


async def test_a_fine_tuning_job_is_paused_resumed_and_cancelled(openai: AsyncOpenAI) -> None:
    file = await openai.files.create(file=("t.jsonl", b"{}"), purpose="fine-tune")
    job: Any = await openai.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=file.id)
    statuses = [job.status]
    for verb in (openai.fine_tuning.jobs.pause, openai.fine_tuning.jobs.resume, openai.fine_tuning.jobs.cancel):
        statuses.append((await verb(job.id)).status)
    assert statuses == ["queued", "paused", "queued", "cancelled"]
    assert len((await openai.fine_tuning.jobs.list_events(job.id)).data) == 4
    assert (await openai.fine_tuning.jobs.checkpoints.list(job.id)).data == []
    assert [each.id for each in (await openai.fine_tuning.jobs.list()).data] == [job.id]


async def test_an_eval_has_runs(openai: AsyncOpenAI) -> None:
    config: Any = {"type": "custom", "item_schema": {"type": "object"}}
    evaluation = await openai.evals.create(data_source_config=config, testing_criteria=[])
    source: Any = {"type": "jsonl", "source": {"type": "file_content", "content": []}}
    created = await openai.evals.runs.create(evaluation.id, data_source=source)
    assert (await openai.evals.runs.retrieve(created.id, eval_id=evaluation.id)).status == "completed"
    assert (await openai.evals.runs.output_items.list(created.id, eval_id=evaluation.id)).data == []
    assert (await openai.evals.update(evaluation.id, name="new")).name == "new"
    await openai.evals.delete(evaluation.id)
    with pytest.raises(NotFoundError):
        await openai.evals.retrieve(evaluation.id)


async def test_models_are_base_models_and_not_deployments(openai: AsyncOpenAI) -> None:
    models = [model.id async for model in await openai.models.list()]
    assert "gpt-4o-2024-11-20" in models
    assert "gpt-4o" not in models
    assert (await openai.models.retrieve("o3-2025-04-16")).id == "o3-2025-04-16"
