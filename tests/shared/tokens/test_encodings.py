"""A model's tokens are counted with the encoding that the model reads."""

import pytest

from shared.tokens.encodings import CL100K, O200K, encoding_of


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4", CL100K),
        ("gpt-4-0613", CL100K),
        ("gpt-4-32k", CL100K),
        ("gpt-4-turbo-2024-04-09", CL100K),
        ("gpt-3.5-turbo", CL100K),
        ("gpt-35-turbo-16k", CL100K),
        ("ft:gpt-3.5-turbo:org::id", CL100K),
        ("text-embedding-3-small", CL100K),
        ("text-embedding-ada-002", CL100K),
        ("davinci-002", CL100K),
        ("gpt-4o", O200K),
        ("gpt-4o-mini", O200K),
        ("ft:gpt-4o-mini-2024-07-18:org::id", O200K),
        ("gpt-4.1", O200K),
        ("gpt-4.5-preview", O200K),
        ("gpt-5", O200K),
        ("o1", O200K),
        ("o4-mini", O200K),
        ("chatgpt-4o-latest", O200K),
        ("Llama-3.3-70B", O200K),
        ("", O200K),
    ],
)
def test_every_model_has_an_encoding(model: str, encoding: str) -> None:
    assert encoding_of(model) == encoding
