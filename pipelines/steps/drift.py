"""Asks Azure OpenAI the same with the API version in use and a newer one, and tells what differs in the answers' shapes.

`AZURE_OPENAI_ENDPOINT=… python -m pipelines.steps.drift --used v1 --newer preview`. What was there and is gone, or has another
type, fails; what is new is shown. A version is a dated one, `v1`, or one of v1's: `preview`, `latest`.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from pipelines.steps.asking import ask
from pipelines.steps.commands import CommandFailed, Commands, hide, summarise
from pipelines.steps.environments import JSON

RESOURCE = "https://cognitiveservices.azure.com"
TIMEOUT_S = 120.0
Shape = dict[str, set[str]]


def shape_of(value: Any, path: str = "$") -> Shape:
    """The JSON types found at each path; items of lists share one path, null says nothing."""
    if isinstance(value, Mapping):
        found: Shape = {path: {"object"}}
        for key, item in value.items():
            found = merged(found, shape_of(item, f"{path}.{key}"))
        return found
    if isinstance(value, list):
        found = {path: {"array"}}
        for item in value:
            found = merged(found, shape_of(item, f"{path}[]"))
        return found
    names = {str: "string", bool: "boolean", int: "number", float: "number"}
    return {} if value is None else {path: {names[type(value)]}}


def merged(one: Shape, other: Shape) -> Shape:
    return {path: one.get(path, set()) | other.get(path, set()) for path in one.keys() | other.keys()}


def compare(used: Shape, newer: Shape) -> tuple[list[str], list[str]]:
    """What breaks, and what is merely new."""
    gone = [f"`{path}` is gone" for path in sorted(used.keys() - newer.keys())]
    changed = [
        f"`{path}` was {', '.join(sorted(used[path]))} and is {', '.join(sorted(newer[path]))}"
        for path in sorted(used.keys() & newer.keys())
        if not used[path] & newer[path]
    ]
    return gone + changed, [f"`{path}` is new" for path in sorted(newer.keys() - used.keys())]


class Upstream:
    """One API version of one resource."""

    def __init__(self, endpoint: str, token: str, version: str) -> None:
        self._endpoint, self._token, self.version = endpoint.rstrip("/"), token, version

    def address(self, path: str, deployment: str) -> str:
        """Where this version has the operation; only the dated ones name the deployment in it, and `responses` never."""
        if self.version == "v1":
            return f"{self._endpoint}/openai/v1/{path}"
        if not self.version[0].isdigit():
            return f"{self._endpoint}/openai/v1/{path}?api-version={self.version}"
        below = path if path == "responses" else f"deployments/{deployment}/{path}"
        return f"{self._endpoint}/openai/{below}?api-version={self.version}"

    def ask(self, path: str, body: Mapping[str, Any]) -> Shape:
        """The shape of the answer; of a stream, that of all its events. Raises CommandFailed for a refusal."""
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        url = self.address(path, str(body["model"]))
        request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
        try:
            with ask(request, TIMEOUT_S) as answer:
                return events_shape(answer.read().decode()) if body.get("stream") else shape_of(json.load(answer))
        except urllib.error.HTTPError as refusal:
            said = refusal.read(500).decode(errors="replace")
            raise CommandFailed(f"{path} with {self.version} is answered {refusal.code}: {said}") from refusal
        except OSError as error:
            raise CommandFailed(f"{path} with {self.version} is not answered: {error}") from error


def events_shape(text: str) -> Shape:
    found: Shape = {}
    for line in text.splitlines():
        if line.startswith("data: {"):
            found = merged(found, shape_of(json.loads(line.removeprefix("data: "))))
    return found


def questions(chat: str, embeddings: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Operation and body by name. `chat` and `embeddings` are deployments."""
    hello = {"model": chat, "messages": [{"role": "user", "content": "Answer with the one word: hello"}]}
    streamed = {**hello, "stream": True, "stream_options": {"include_usage": True}}
    return {
        "chat": ("chat/completions", hello),
        "stream": ("chat/completions", streamed),
        "responses": ("responses", {"model": chat, "input": "Answer with the one word: hello", "store": False}),
        "embeddings": ("embeddings", {"model": embeddings, "input": "hello"}),
    }


def drift(used: Upstream, newer: Upstream, asked: Mapping[str, tuple[str, Mapping[str, Any]]]) -> bool:
    """Show the differences on the page of the run; True where something breaks."""
    lines, breaks = [], False
    for name, (path, body) in asked.items():
        broken, added = compare(used.ask(path, body), newer.ask(path, body))
        breaks = breaks or bool(broken)
        lines += [f"- {name}: **{each}**" for each in broken] + [f"- {name}: {each}" for each in added]
    told = "\n".join(lines) or "Answers have the same shape."
    summarise(f"### From API version {used.version} to {newer.version}\n\n{told}\n")
    return breaks


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--used", required=True, help="the API version that the gateway asks for")
    arguments.add_argument(
        "--newer", required=True, action="append", help="what to hold against it; may be given again"
    )
    arguments.add_argument("--chat", default="gpt-5-mini", help="a deployment (%(default)s)")
    arguments.add_argument("--embeddings", default="text-embedding-3-small", help="a deployment (%(default)s)")
    given = arguments.parse_args()
    try:
        endpoint = os.environ["AZURE_OPENAI_ENDPOINT"]
        token = str(Commands().read("az", "account", "get-access-token", "--resource", RESOURCE, *JSON)["accessToken"])
        hide(token)
        used, asked = Upstream(endpoint, token, given.used), questions(given.chat, given.embeddings)
        breaks = [newer for newer in given.newer if drift(used, Upstream(endpoint, token, newer), asked)]
    except KeyError as missing:
        sys.exit(f"{missing} is not set")
    except CommandFailed as failure:
        sys.exit(str(failure))
    sys.exit(f"{', '.join(breaks)} would break us" if breaks else 0)


if __name__ == "__main__":
    main()
