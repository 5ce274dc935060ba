"""Reads the lines of a batch file, each of which is a call of its own: it keeps to the same rules, and is estimated like one."""

import orjson

from shared.errors import BadRequest
from shared.gateway.call import Call, Json
from shared.gateway.estimate import prompt_text
from shared.gateway.forecast import OUTPUT_MEMBERS, guessed
from shared.policy.model import CapRule
from shared.tokens.service import TokenCounter
from shared.wire.openai.endpoints import ENDPOINTS, Meter

UNSAID_OUTPUT = 1_000
"""Output tokens that are provided for where a line sets no limit."""

_BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS if endpoint.method == "POST"}


class BatchLine:
    """One line. Raises BadRequest where it is no call at all."""

    def __init__(self, raw: bytes, number: int) -> None:
        self._raw, self._number = raw, number
        try:
            parsed = orjson.loads(raw)
            body, url = parsed["body"], parsed.get("url")
            model = body["model"]
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            model = None
        if not isinstance(model, str) or not isinstance(body, dict):
            raise self._invalid("is not a JSON object with a `body` that names its `model`")
        self.body: Json = body
        self.model = model
        path = str(url or "").strip("/").removeprefix("v1/")
        self._endpoint = _BY_PATH.get(path)

    def keep_to_rules(self, call: Call, counter: TokenCounter) -> None:
        """Raise BadRequest where a rule forbids the line: nothing can be changed in it, and later nobody asks."""
        name = self._endpoint.name if self._endpoint else "unknown"
        for rule in call.caller.policy.against("endpoints", name):
            if rule.origin.is_enforced:
                raise self._invalid(f"calls the endpoint {name}, which {rule.origin.scope} does not allow")
        for cap in call.caller.policy.caps:
            if cap.origin.is_enforced:
                self._keep_to_cap(cap, counter)

    def add_to(self, work: dict[str, tuple[int, int]]) -> None:
        """Add what the line will use to the batch's work, by model."""
        text, framing = prompt_text(self.body)
        prompt, output = work.get(self.model, (0, 0))
        work[self.model] = prompt + guessed(text) + framing, output + self._output()

    def _keep_to_cap(self, cap: CapRule, counter: TokenCounter) -> None:
        if cap.what == "prompt_bytes":
            size = len(self._raw)
        elif cap.what == "prompt_tokens":
            size = self._prompt(cap.limit, counter)
        else:
            size = max(self._asked(), default=cap.limit + 1) if self._generates() else 0
        if size > cap.limit:
            raise self._invalid(
                f"has more {cap.what.replace('_', ' ')} than the {cap.limit} that {cap.origin.scope} allows"
            )

    def _prompt(self, limit: int, counter: TokenCounter) -> int:
        text, framing = prompt_text(self.body)
        return framing + (counter.count_now(self.model, text) if len(self._raw) > limit else 0)

    def _asked(self) -> list[int]:
        values = (self.body.get(name) for name in OUTPUT_MEMBERS)
        return [value for value in values if isinstance(value, int)]

    def _generates(self) -> bool:
        return self._endpoint is None or self._endpoint.meter is not Meter.EMBEDDING

    def _output(self) -> int:
        count = self.body.get("n")
        choices = count if isinstance(count, int) and count > 0 else 1
        return choices * max(self._asked(), default=UNSAID_OUTPUT) if self._generates() else 0

    def _invalid(self, problem: str) -> BadRequest:
        return BadRequest(f"Line {self._number} of the batch file {problem}.", param="file", code="invalid_batch")
