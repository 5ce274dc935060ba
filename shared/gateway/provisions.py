"""What is provided for work that ends later: estimates of batch files, and what batches and background responses have reserved.

A batch file is estimated when it is uploaded, because that is when its lines are seen. What a batch then reserves counts as spent
from its creation; once its true use is known, the difference is settled, by whoever is first to see it.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from shared.documents import Json, StoreUnavailable
from shared.errors import BadRequest, Unavailable
from shared.gateway.call import Call
from shared.gateway.cost import price_named
from shared.leases.model import Exhausted
from shared.money import nano
from shared.policy.model import CountRule
from shared.runtime import Runtime
from shared.windows import CalendarPeriod

CONTAINER = "provisions"
KEPT_S = 40 * 24 * 3600
_MILLION = 10**6
_log = logging.getLogger("tollgate.provisions")


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens that a batch file will use of each model: in its prompts, and in its answers at most."""

    by_model: dict[str, tuple[int, int]]

    @property
    def tokens(self) -> int:
        return sum(prompt + output for prompt, output in self.by_model.values())

    def cost(self, runtime: Runtime) -> int | None:
        """Return nano-units at the ordinary price, which a batch undercuts; None where a model has none."""
        total = 0
        for model, (prompt, output) in self.by_model.items():
            price = price_named(model, runtime)
            if price is None or price.input is None:
                return None
            total += prompt * nano(price.input) + output * nano(price.output or price.input)
        return -(-total // _MILLION)


async def keep_work(runtime: Runtime, file_id: str, work: Work) -> None:
    """Keep what a batch file will use. Raises StoreUnavailable."""
    body = {"schema": 1, "id": file_id, "work": {model: list(tokens) for model, tokens in work.by_model.items()}}
    await runtime.documents.upsert(CONTAINER, file_id, body, KEPT_S)


async def work_of(call: Call, runtime: Runtime) -> Work:
    """Return what the batch will use that a call creates. Raises BadRequest where nobody has seen its lines."""
    file_id = str((call.content.json or {}).get("input_file_id"))
    try:
        document = await runtime.documents.get(CONTAINER, file_id, file_id)
    except StoreUnavailable as error:
        raise Unavailable("The batch file cannot be looked up right now. Try again.") from error
    kept = document.body.get("work") if document else None
    if not isinstance(kept, dict):
        raise BadRequest(
            "The lines of this file have not been checked: upload it anew with POST /v1/files and purpose=batch.",
            param="input_file_id",
            code="invalid_batch",
        )
    return Work({str(model): (int(tokens[0]), int(tokens[1])) for model, tokens in kept.items()})


async def keep_reserved(call: Call, runtime: Runtime, object_id: str) -> None:
    """Keep what a call has reserved for work that goes on without it. Without the store its estimate stays what it cost."""
    reservation = call.reservation
    body = {
        "schema": 1,
        "id": object_id,
        "key": call.caller.id,
        "at": runtime.clock.now().isoformat(),
        "tokens": reservation.tokens,
        "money": reservation.money,
    }
    try:
        await runtime.documents.upsert(CONTAINER, object_id, body, KEPT_S)
    except StoreUnavailable:
        _log.error("What is reserved for %s could not be kept: its estimate stays charged", object_id)


async def settle_difference(call: Call, runtime: Runtime, object_id: str, tokens: int, cost: int | None) -> None:
    """Settle what work that has ended used beyond, or short of, what was reserved for it; only the first to come does."""
    try:
        document = await runtime.documents.get(CONTAINER, object_id, object_id)
        if document is None or not await runtime.documents.delete(CONTAINER, object_id, object_id):
            return
        caller = await runtime.callers.by_id(str(document.body["key"])) or call.caller
        for rule in caller.policy.counts:
            await _correct(rule, runtime, document.body, {"tokens": tokens, "money": cost})
    except (StoreUnavailable, Unavailable):
        _log.error("The use of %s could not be settled: its estimate stays charged", object_id)


async def _correct(rule: CountRule, runtime: Runtime, kept: Json, used: dict[str, int | None]) -> None:
    actual, calendar = used.get(rule.unit), rule.allowance.rule
    if actual is None or not isinstance(calendar, CalendarPeriod):
        return
    difference = actual - int(str(kept[rule.unit]))
    began = datetime.fromisoformat(str(kept["at"]))
    if difference < 0 and not calendar.at(began).holds(runtime.clock.now()):
        # The period that it was charged to is over: nothing is owed to this one.
        return
    try:
        taken = runtime.leases.take_now(rule.allowance, 0) or await runtime.leases.take(rule.allowance, 0)
    except Exhausted:
        return
    taken.settle(difference)
