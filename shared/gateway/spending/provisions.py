"""What is provided for work that ends later: estimates of batch files, and what batches and background responses have reserved.

A batch file is estimated when it is uploaded, because that is when its lines are seen. What a batch then reserves counts as spent
from its creation; once its true use is known, the difference is settled, by whoever is first to see it. A document stands for each
work whose use is not known yet, also where nothing counts it: what has none was settled by its own call, or by an earlier reader.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime

from shared.callers.model import Caller
from shared.documents import Document, DocumentExists, Json, PreconditionFailed, StoreUnavailable
from shared.errors import BadRequest, Unavailable
from shared.gateway.call import Call
from shared.gateway.spending.cost import price_named
from shared.money import nano
from shared.policy.model import CountRule
from shared.runtime import Runtime
from shared.windows import CalendarPeriod

CONTAINER = "provisions"
KEPT_S = 40 * 24 * 3600
MODELS = 100
"""Models that are remembered of a batch whose lines name very many."""

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
    file_id = (call.content.json or {}).get("input_file_id")
    if not isinstance(file_id, str):
        raise BadRequest(
            "A batch is made of an uploaded file: `input_file_id` names it. Files in a storage account are not offered.",
            param="input_file_id",
            code="missing_required_parameter",
        )
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


def provision_of(call: Call, object_id: str) -> Json:
    """Return what a call has reserved for work that goes on without it, and who will be charged for the rest."""
    return {
        "schema": 1,
        "id": object_id,
        "key": call.caller.id,
        # Before it was reserved: what ends in the next period is rather not paid back than paid back to the wrong one.
        "at": call.started_at.isoformat(),
        "reserved": {rule.allowance.name: taken.amount for rule, taken in call.reservation.taken},
        "models": list(call.batch_work)[:MODELS] or [call.model],
        "attribution": asdict(call.caller.attribution),
    }


async def keep_provision(runtime: Runtime, provision: Json) -> None:
    """Keep it until the work is seen finished. Without the store its estimate stays what it cost."""
    identity = str(provision["id"])
    try:
        with suppress(DocumentExists):
            await runtime.documents.create(CONTAINER, identity, provision, KEPT_S)
    except StoreUnavailable:
        _log.error("What is reserved for %s could not be kept: its estimate stays charged", identity)


async def provision_for(runtime: Runtime, object_id: str) -> Document | None:
    """Return what was provided for an object whose true use is not settled yet. Raises StoreUnavailable."""
    document = await runtime.documents.get(CONTAINER, object_id, object_id)
    return document if document and "reserved" in document.body else None


async def claim(runtime: Runtime, provision: Document) -> bool:
    """Say whether it is this process that settles, and no other any more. Raises StoreUnavailable."""
    identity = str(provision.body["id"])
    try:
        return await runtime.documents.delete(CONTAINER, identity, identity, provision.etag)
    except PreconditionFailed:
        return False


def count_difference(caller: Caller, runtime: Runtime, provision: Json, used: Mapping[str, int | None]) -> None:
    """Count what work that has ended used beyond, or short of, what was reserved for it. Never waits, so nothing is left half done."""
    reserved = provision["reserved"]
    assert isinstance(reserved, Mapping)
    began, now = datetime.fromisoformat(str(provision["at"])), runtime.clock.now()
    for rule in caller.policy.counts:
        actual, calendar = used.get(rule.unit), rule.allowance.rule
        if actual is None or rule.allowance.name not in reserved or not isinstance(calendar, CalendarPeriod):
            continue
        difference = actual - int(reserved[rule.allowance.name])
        # Where the period that it was charged to is over, nothing is owed to this one.
        if difference > 0 or calendar.at(began).holds(now):
            runtime.leases.count(rule.allowance, difference)
            _notice(rule, runtime)


def _notice(rule: CountRule, runtime: Runtime) -> None:
    level = runtime.leases.level(rule.allowance)
    if rule.budget is not None and level is not None:
        runtime.budgets.notice(rule.budget, rule.team, level)
