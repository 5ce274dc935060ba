"""What is provided for work that ends later: estimates of batch files, and what batches and background responses have reserved.

A batch file is estimated when it is uploaded, because that is when its lines are seen. What a batch then reserves counts as spent
from its creation; once its true use is known, the difference is settled, by whoever is first to see it. A document stands for each
work whose use is not known yet, also where nothing counts it: what has none was settled by its own call, or by an earlier reader.
A second one, in the list of open work, is how the sweep finds it: it is written first, so that nothing is provided for and never found.
Where the call itself could write neither, they are made of its usage event when that is posted.
"""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from shared.documents import (
    Document,
    DocumentExists,
    DocumentMissing,
    Json,
    PreconditionFailed,
    StoreUnavailable,
)
from shared.errors import BadRequest, Unavailable
from shared.gateway.call import Call
from shared.gateway.spending.cost import price_named
from shared.ledger.documents import entry_id
from shared.ledger.store import LedgerStore
from shared.money import nano
from shared.ownership.open_work import CONTAINER, FIRST_LOOK, KEPT_S, OpenWork, OpenWorkStore
from shared.policy.model import CountRule
from shared.runtime import Runtime
from shared.usage.model import Attribution, Source
from shared.windows import CalendarPeriod
from shared.wire.openai.endpoints import Kind

MODELS = 100
"""Models that are remembered of a batch whose lines name very many."""

BYTES_PER_TOKEN = 4
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
        "schema": 2,
        "id": object_id,
        "kind": call.endpoint.creates.value if call.endpoint.creates else None,
        "deployment": call.deployment,
        "key": call.caller.id,
        "owner": call.caller.owner,
        # Before it was reserved: what ends in the next period is rather not paid back than paid back to the wrong one.
        "at": call.started_at.isoformat(),
        "reserved": {rule.allowance.name: taken.amount for rule, taken in call.reservation.taken},
        "models": list(call.batch_work)[:MODELS] or [call.model],
        "attribution": asdict(call.caller.attribution),
        "estimate": list(_estimate(call)),
        "is_spillover": call.seen.is_spillover,
        "tried": [attempt.deployment for attempt in call.attempts],
        "tags": dict(call.tags),
        "downshifted_from": call.downshifted_from,
        # What was counted of the run of calls is told by the first event; the rest says to which it belongs.
        "trace": {"session": call.trace.session, "source": call.trace.source, "agent": call.trace.agent},
    }


def _estimate(call: Call) -> tuple[int, int]:
    """Return the tokens of prompts and answers that stand for the work if nobody ever tells what it used."""
    if call.batch_work:
        prompts, answers = zip(*call.batch_work.values(), strict=True)
        return sum(prompts), sum(answers)
    most = (call.content.json or {}).get("max_output_tokens")
    return call.request_bytes // BYTES_PER_TOKEN, call.reservation.output or (most if isinstance(most, int) else 0)


async def keep_provision(runtime: Runtime, provision: Json) -> None:
    """Keep it until the work is seen finished. Without the store its estimate stays what budgets are charged."""
    identity = str(provision["id"])
    try:
        await _open(runtime, provision)
        try:
            await runtime.documents.create(CONTAINER, identity, provision, KEPT_S)
        except DocumentExists:
            await _complete(runtime, provision)
    except StoreUnavailable:
        _log.error("What is reserved for %s could not be kept: its estimate stays charged", identity)


async def keep_pending(runtime: Runtime, event: Json) -> None:
    """Provide for the work that a posted event says goes on, where its call could not: the store was away, or the process killed.

    What budgets were charged is in no event, so nothing is reserved here and nothing will be counted on them: they keep the estimate.
    Does nothing where it is provided for, or was settled. Raises StoreUnavailable.
    """
    provision = _provision_of_event(event)
    if provision is None:
        return
    identity = str(provision["id"])
    if await runtime.documents.get(CONTAINER, identity, identity) or await _is_settled(runtime, event, identity):
        return
    await _open(runtime, provision)
    with suppress(DocumentExists):
        await runtime.documents.create(CONTAINER, identity, provision, KEPT_S)


async def _open(runtime: Runtime, provision: Json) -> None:
    if (work := _open_work(provision, runtime.clock.now())) is not None:
        await OpenWorkStore(runtime.documents).put(work)


async def _complete(runtime: Runtime, provision: Json) -> None:
    """The event may be posted before its call comes to say what is reserved."""
    identity = str(provision["id"])
    stored = await runtime.documents.get(CONTAINER, identity, identity)
    if stored is not None and stored.body.get("is_of_event") is True:
        with suppress(DocumentMissing, PreconditionFailed):
            await runtime.documents.replace(CONTAINER, identity, provision, stored.etag, KEPT_S)


async def _is_settled(runtime: Runtime, event: Json, identity: str) -> bool:
    """What is found out later has the team and the time of the call that began it."""
    began = datetime.fromisoformat(str(event["started_at"]))
    entry = await LedgerStore(runtime.documents).entry(str(event["team"]), began, entry_id(f"late_{identity}"))
    return entry is not None


def _provision_of_event(event: Json) -> Json | None:
    """Return as much of a provision as the event of a call knows; None where nothing goes on."""
    kind, identity = _kind_of(event), event.get("object_id")
    if kind is None or not isinstance(identity, str) or not identity:
        return None
    attempts, trace, sent = event["attempts"], event["trace"], event.get("request_bytes")
    assert isinstance(attempts, list)
    assert isinstance(trace, Mapping)
    return {
        "schema": 2,
        "id": identity,
        "kind": kind.value,
        "deployment": event["deployment"],
        "key": event["key"],
        "owner": None,
        "at": event["started_at"],
        "reserved": {},
        "models": [event["requested_model"]],
        "attribution": {field.name: event[field.name] for field in fields(Attribution)},
        "estimate": [sent // BYTES_PER_TOKEN if isinstance(sent, int) and kind is Kind.RESPONSE else 0, 0],
        "is_spillover": event["capacity"] == "spillover",
        "tried": [attempt.get("deployment") for attempt in attempts],
        "tags": event["tags"],
        "downshifted_from": event.get("downshifted_from"),
        "trace": {name: trace.get(name) for name in ("session", "source", "agent")},
        "is_of_event": True,
    }


def _kind_of(event: Json) -> Kind | None:
    """Return the kind of work that goes on after the call of an event."""
    if event["usage_source"] == Source.PENDING:
        return Kind.RESPONSE
    status = event["status"]
    is_batch = event["endpoint"] == "batches.create" and isinstance(status, int) and status < 400
    return Kind.BATCH if is_batch else None


def _open_work(provision: Json, now: datetime) -> OpenWork | None:
    kind, creator = provision["kind"], provision["attribution"]
    if not isinstance(kind, str) or not isinstance(creator, Mapping):
        return None
    return OpenWork(str(provision["id"]), Kind(kind), str(creator["team"]), now, now + FIRST_LOOK)


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


def count_difference(
    counts: Iterable[CountRule], runtime: Runtime, provision: Json, used: Mapping[str, int | None]
) -> None:
    """Count what work that has ended used beyond, or short of, what was reserved for it. Never waits, so nothing is left half done."""
    reserved = provision["reserved"]
    assert isinstance(reserved, Mapping)
    began, now = datetime.fromisoformat(str(provision["at"])), runtime.clock.now()
    for rule in counts:
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
