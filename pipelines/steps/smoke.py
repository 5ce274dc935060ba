"""Asks a running gateway what its users ask, with the SDKs that they use: `TOLLGATE_URL=… TOLLGATE_KEY=… python -m pipelines.steps.smoke`.

A dozen small calls, which cost a fraction of a cent. Nothing of what is asked or answered is printed.
"""

import importlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import openai
from openai import AzureOpenAI, OpenAI

from pipelines.steps.asking import ask
from pipelines.steps.commands import CommandFailed, say, summarise

HELLO: Any = [{"role": "user", "content": "Answer with the one word: hello"}]
TIMEOUT_S = 120.0
SENT_API_VERSION = "2025-04-01-preview"


class Unexpected(Exception):
    """The gateway answered, and not as it should."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask, and for which models; a model that is empty is not asked for."""

    url: str
    key: str
    chat: str
    responses: str
    embeddings: str
    anthropic: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Target":
        """Raises KeyError where TOLLGATE_URL or TOLLGATE_KEY is missing."""
        return cls(
            url=environment["TOLLGATE_URL"].rstrip("/"),
            key=environment["TOLLGATE_KEY"],
            chat=environment.get("SMOKE_CHAT_MODEL", "gpt-5-mini"),
            responses=environment.get("SMOKE_RESPONSES_MODEL", environment.get("SMOKE_CHAT_MODEL", "gpt-5-mini")),
            embeddings=environment.get("SMOKE_EMBEDDINGS_MODEL", "text-embedding-3-small"),
            anthropic=environment.get("SMOKE_ANTHROPIC_MODEL", ""),
        )

    def openai(self, key: str | None = None) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=key or self.key, max_retries=2, timeout=TIMEOUT_S)

    def azure(self) -> AzureOpenAI:
        return AzureOpenAI(
            azure_endpoint=self.url, api_key=self.key, api_version=SENT_API_VERSION, max_retries=2, timeout=TIMEOUT_S
        )


def need(claim: object, otherwise: str) -> None:
    if not claim:
        raise Unexpected(otherwise)


def status_of(url: str) -> int:
    try:
        with ask(urllib.request.Request(url), TIMEOUT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def health(target: Target) -> None:
    for path in ("/health", "/health/ready"):
        status = status_of(target.url + path)
        need(status == 200, f"{path} is answered {status}")


def models(target: Target) -> None:
    with target.openai() as client:
        need(list(client.models.list()), "the list of models is empty")


def chat(target: Target) -> None:
    with target.openai() as client:
        raw = client.chat.completions.with_raw_response.create(model=target.chat, messages=HELLO)
        answer = raw.parse()
    need(answer.choices[0].message.content, "the answer has no text")
    need(answer.usage and answer.usage.total_tokens > 0, "the answer has no usage")
    need(raw.headers.get("x-request-id"), "the answer has no x-request-id")


def stream(target: Target) -> None:
    with target.openai() as client:
        options: Any = {"include_usage": True}
        chunks = list(
            client.chat.completions.create(model=target.chat, messages=HELLO, stream=True, stream_options=options)
        )
    need(any(chunk.choices and chunk.choices[0].delta.content for chunk in chunks), "the stream has no text")
    need(chunks[-1].usage, "the stream does not end with its usage")


def azure(target: Target) -> None:
    with target.azure() as client:
        answer = client.chat.completions.create(model=target.chat, messages=HELLO)
    need(answer.choices[0].message.content, "the answer has no text")


def responses(target: Target) -> None:
    with target.openai() as client:
        answer = client.responses.create(model=target.responses, input="Answer with the one word: hello", store=False)
    need(answer.output_text, "the response has no text")
    need(answer.usage and answer.usage.total_tokens > 0, "the response has no usage")


def embeddings(target: Target) -> None:
    with target.openai() as client:
        answer = client.embeddings.create(model=target.embeddings, input="hello")
    need(answer.data[0].embedding, "there is no vector")


def wrong_key(target: Target) -> None:
    with target.openai("sk-no-such-key-0123456789abcdef") as client:
        try:
            client.models.list()
        except openai.AuthenticationError as refusal:
            body: Any = refusal.body
            need({"message", "type", "code"} <= set(body), f"an error has only {sorted(body)}")
            return
    raise Unexpected("a wrong key is let in")


def anthropic(target: Target) -> None:
    try:
        sdk = importlib.import_module("anthropic")  # not everybody who runs this has it
    except ImportError as error:
        raise Unexpected("SMOKE_ANTHROPIC_MODEL is set and the package anthropic is not installed") from error
    with sdk.Anthropic(base_url=target.url, api_key=target.key, max_retries=2, timeout=TIMEOUT_S) as client:
        try:
            answer = client.messages.create(model=target.anthropic, max_tokens=16, messages=HELLO)
        except sdk.AnthropicError as error:
            raise Unexpected(str(error)) from error
    need(answer.content[0].text, "the answer has no text")


def checks(target: Target) -> dict[str, Callable[[Target], None]]:
    """What is to be asked, in order, by name."""
    found: dict[str, Callable[[Target], None]] = {"health": health, "models": models, "wrong key": wrong_key}
    if target.chat:
        found |= {"chat": chat, "stream": stream, "AzureOpenAI": azure}
    if target.responses:
        found["responses"] = responses
    if target.embeddings:
        found["embeddings"] = embeddings
    if target.anthropic:
        found["anthropic"] = anthropic
    return found


def run(target: Target) -> list[str]:
    """Ask everything, show the results on the page of the run, and return the names of what failed."""
    results = {name: outcome(check, target) for name, check in checks(target).items()}
    lines = "".join(f"| {name} | {result or 'as it should be'} |\n" for name, result in results.items())
    summarise(f"### Smoke test of {target.url}\n\n| asked | answer |\n|---|---|\n{lines}")
    return [name for name, result in results.items() if result]


def outcome(check: Callable[[Target], None], target: Target) -> str:
    """Empty, or what went wrong, on one line."""
    try:
        check(target)
    except (Unexpected, CommandFailed, openai.OpenAIError, OSError, LookupError, TypeError, ValueError) as error:
        return f"**{type(error).__name__}**: {' '.join(str(error).split())[:300].replace('|', '/')}"
    return ""


def main() -> None:
    try:
        target = Target.of(os.environ)
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set")
    failures = run(target)
    if failures:
        sys.exit(f"failed: {', '.join(failures)}")
    say("everything is as it should be")


if __name__ == "__main__":
    main()
