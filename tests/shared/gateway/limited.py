"""A gateway whose teams have limits: what is hung on a node is written as in the configuration file."""

from pathlib import Path
from typing import Any

import orjson

from tests.shared.gateway.harness import CONFIG, Gateway

PRICES = """
prices:
  - {model: "gpt-4o*", input: "2.50", cached_input: "1.25", output: "10"}
  - {model: "plain-cheap", input: "0.10", output: "0.40"}
"""


def gateway_with(tmp_path: Path, policies: str = "", budgets: str = "", prices: str = PRICES) -> Gateway:
    """Return a gateway with these entries of `policies` and `budgets`, one a line, in YAML's flow style."""
    config = CONFIG + prices
    if policies:
        config += "policies:\n" + "".join(f"  - {{{line}}}\n" for line in policies.strip().splitlines())
    if budgets:
        config += "budgets:\n" + "".join(f"  - {{{line}}}\n" for line in budgets.strip().splitlines())
    return Gateway(tmp_path, config)


def chat_answer(prompt: int, output: int, model: str = "gpt-4o-2024-11-20") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output},
    }


def sent_body(gateway: Gateway, index: int = -1) -> dict[str, Any]:
    """What the upstream received."""
    body: dict[str, Any] = orjson.loads(gateway.upstream.sent[index].body or b"")
    return body
