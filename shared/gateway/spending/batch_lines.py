"""Reads the lines of a batch file, each of which is a call of its own: it keeps to the same rules, and is estimated like one."""

from shared.catalog.service import UNKNOWN
from shared.errors import BadRequest
from shared.gateway.call import Call, Json, parse_object
from shared.gateway.spending.forecast import GENERATING, HISTORY_TOKENS
from shared.gateway.spending.members import MOST, asked, choices, obeyed, prompts, wrong_member
from shared.gateway.spending.prompt import Prompt, bound, read_prompt
from shared.policy.model import CapRule
from shared.tokens.service import TokenCounter
from shared.wire.openai.endpoints import ENDPOINTS, Meter

_BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS if endpoint.method == "POST"}


class BatchLine:
    """One line. Raises BadRequest where it is no call at all, or leaves open how much is to be produced."""

    def __init__(self, raw: bytes, number: int) -> None:
        self._raw, self._number = raw, number
        try:
            parsed = parse_object(raw)
            body, url = parsed["body"], parsed.get("url")
            model = body["model"] if isinstance(body, dict) else None
        except (BadRequest, KeyError):
            model = None
        if not isinstance(model, str) or not isinstance(body, dict):
            raise self._invalid("is not a JSON object with a `body` that names its `model`")
        self.body: Json = body
        self.model = model
        path = str(url or "").strip("/").removeprefix("v1/")
        self._endpoint = _BY_PATH.get(path)
        self._prompt: Prompt | None = None

    def keep_to_rules(self, call: Call, counter: TokenCounter) -> None:
        """Raise BadRequest where a rule forbids the line: nothing can be changed in it, and later nobody asks.

        Counting takes milliseconds a line, so this is not for the event loop.
        """
        if call.caller.policy.caps or call.caller.policy.counts:
            self._check_numbers()
        name = self._endpoint.name if self._endpoint else "unknown"
        for rule in call.caller.policy.against("endpoints", name):
            if rule.origin.is_enforced:
                raise self._invalid(f"calls the endpoint {name}, which {rule.origin.scope} does not allow")
        for cap in call.caller.policy.caps:
            if cap.origin.is_enforced:
                self._keep_to_cap(cap, counter)

    def add_to(self, work: dict[str, tuple[int, int]]) -> None:
        """Add what the line will use to the batch's work, by model."""
        read = self._read()
        prompt, output = work.get(self.model, (0, 0))
        history = read.hidden + HISTORY_TOKENS * len(read.continues)
        work[self.model] = (
            prompt + min(bound(read.text) + self._others(read) + history, MOST),
            output + min(self._output(read), MOST),
        )

    def _check_numbers(self) -> None:
        if not self._generates():
            return
        if (name := wrong_member(self.body)) is not None:
            raise self._invalid(f"has a `{name}` that is no positive integer")
        if max([*asked(self.body).values(), choices(self.body)]) > MOST:
            raise self._invalid(f"asks for more than {MOST:,} of something")

    def _keep_to_cap(self, cap: CapRule, counter: TokenCounter) -> None:
        if cap.what == "prompt_bytes":
            size = len(self._raw)
        elif cap.what == "prompt_tokens":
            size = self._counted(cap.limit, counter)
        else:
            size = self._largest_output(cap.limit + 1) if self._generates() else 0
        if size > cap.limit:
            raise self._invalid(
                f"has more {cap.what.replace('_', ' ')} than the {cap.limit} that {cap.origin.scope} allows"
            )

    def _counted(self, limit: int, counter: TokenCounter) -> int:
        read = self._read()
        others = self._others(read)
        size = bound(read.text) + others
        return size if size <= limit else counter.count_now(self.model, read.text) + others

    def _read(self) -> Prompt:
        if self._prompt is None:
            self._prompt = read_prompt(self.body, self._meter())
        return self._prompt

    def _others(self, read: Prompt) -> int:
        return read.other_tokens + read.audio_tokens + read.picture_tokens(self.model)

    def _meter(self) -> Meter:
        return self._endpoint.meter if self._endpoint else Meter.CHAT

    def _generates(self) -> bool:
        return self._meter() in GENERATING

    def _largest_output(self, unsaid: int) -> int:
        """What the line asks for; `unsaid` where it names no limit that its endpoint goes by."""
        limits = obeyed(self.body, self._meter()) if self._endpoint else asked(self.body)
        return max(asked(self.body).values()) if limits else unsaid

    def _output(self, read: Prompt) -> int:
        if not self._generates():
            return 0
        several = prompts(self.body) if self._meter() is Meter.COMPLETION else 1
        each = self._largest_output(UNKNOWN) + sum(map(bound, read.predicted))
        return each * choices(self.body) * several

    def _invalid(self, problem: str) -> BadRequest:
        return BadRequest(f"Line {self._number} of the batch file {problem}.", param="file", code="invalid_batch")
