from math import isclose
from typing import Any

import pytest
import tiktoken
from openai import AsyncAzureOpenAI, AsyncOpenAI, BadRequestError


async def test_the_same_text_has_the_same_unit_vector_in_either_format(openai: AsyncOpenAI) -> None:
    packed = await openai.embeddings.create(model="text-embedding-3-small", input="Hello")
    plain = await openai.embeddings.create(model="text-embedding-3-small", input="Hello", encoding_format="float")
    vector = packed.data[0].embedding
    assert len(vector) == 1_536
    assert vector == pytest.approx(plain.data[0].embedding)
    assert isclose(sum(value * value for value in vector), 1, rel_tol=1e-4)


async def test_tokens_and_text_are_the_same_input(azure: AsyncAzureOpenAI) -> None:
    ids = tiktoken.get_encoding("cl100k_base").encode("Hello there")
    tokens = await azure.embeddings.create(model="text-embedding-3-large", input=[ids], dimensions=8)
    text = await azure.embeddings.create(model="text-embedding-3-large", input=["Hello there"], dimensions=8)
    assert tokens.data == text.data
    assert tokens.usage.prompt_tokens == len(ids) == tokens.usage.total_tokens


async def test_many_texts_keep_their_order(openai: AsyncOpenAI) -> None:
    both = await openai.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    one = await openai.embeddings.create(model="text-embedding-3-small", input="b")
    assert both.data[1].embedding == one.data[0].embedding


@pytest.mark.parametrize(
    "body",
    [{}, {"input": ""}, {"input": []}, {"input": [[]]}, {"input": 7}, {"input": ["a", 1]}, {"input": "a " * 9_000}],
)
async def test_input_that_cannot_be_embedded_is_refused(openai: AsyncOpenAI, body: Any) -> None:
    with pytest.raises(BadRequestError):
        await openai.post("/embeddings", body={"model": "text-embedding-3-small", **body}, cast_to=object)


async def test_too_many_dimensions_are_refused(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refusal:
        await openai.embeddings.create(model="text-embedding-3-small", input="a", dimensions=1_537)
    assert refusal.value.param == "dimensions"
