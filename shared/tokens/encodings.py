"""Which of OpenAI's encodings counts a model's tokens."""

O200K, CL100K = "o200k_base", "cl100k_base"

_CL100K_MODELS = ("gpt-4-", "gpt-3.5", "gpt-35", "text-embedding-", "davinci", "babbage")


def encoding_of(model: str) -> str:
    """Return the encoding's name. Models of other makers are counted with o200k_base, which is an approximation."""
    model = model.removeprefix("ft:")
    if model == "gpt-4" or model.startswith(_CL100K_MODELS):
        return CL100K
    return O200K
