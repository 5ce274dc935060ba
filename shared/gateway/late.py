"""Settles what was still unknown when its call ended: background responses and batches, by whoever first sees them finished.

That is an owner who reads one, a webhook of the provider, or the sweep that asks for all that are open. All three settle the same way:
the event is made durable first, under an id made of the object's own, so that it is in the ledger once however often it is sent; then
the provision is taken away, and only who took it counts the difference against budgets. Killed in between, the next one does it again.
"""

import logging
from collections.abc import Mapping
from enum import Enum

import orjson

from shared.callers.model import Caller
from shared.catalog.model import Charge
from shared.catalog.rating import served_of
from shared.documents import Document, StoreUnavailable
from shared.documents import Json as Stored
from shared.errors import Unavailable
from shared.gateway.call import Call, Json, bounded
from shared.gateway.late_event import estimate_event, late_event
from shared.gateway.late_reading import GONE, read_object
from shared.gateway.spending.cost import late_cost
from shared.gateway.spending.provisions import claim, count_difference, provision_for
from shared.gateway.watch import tokens_in
from shared.ownership.open_work import OpenWorkStore
from shared.ownership.store import OwnershipStore
from shared.policy.compile import effective_of
from shared.policy.model import CountRule
from shared.providers.model import Deployment
from shared.providers.port import CredentialUnavailable, SecretUnavailable, UpstreamFailure
from shared.queues import USAGE_EVENTS
from shared.runtime import Runtime
from shared.telemetry.ended import Ended
from shared.usage.model import NO_USAGE, Source, Usage, UsageEvent
from shared.wire.openai.endpoints import Kind, Meter

SETTLED_KINDS = frozenset({Kind.RESPONSE, Kind.BATCH})
_FINAL = frozenset({"completed", "failed", "incomplete", "cancelled", "expired"})
_log = logging.getLogger("tollgate.provisions")


class Found(Enum):
    """What a look at an object showed. UNTOLD: it has ended, or is gone, without a word on its use. NOTHING: it is settled already."""

    SETTLED = "settled"
    GOES_ON = "goes on"
    UNTOLD = "untold"
    UNREACHABLE = "unreachable"
    NOTHING = "nothing"


def settle_late(call: Call, runtime: Runtime, answer: Json) -> None:
    """Settle, in the background, the finished response or batch that an owner has read, by whichever way he reads it.

    Only what was provided for is settled. While the store is down nothing is settled and a later reading does it; where the store was
    down when the work began, it is provided for once its event is posted, and the estimate stays on budgets.
    """
    kind, identity = call.endpoint.owned, answer.get("id")
    if kind not in SETTLED_KINDS or not isinstance(identity, str):
        return
    usage = final_usage(kind, answer)
    if usage is not None:
        runtime.background.spawn(_settle_read(call, runtime, answer, usage))


def final_usage(kind: Kind, answer: Json) -> Usage | None:
    """What a finished object says that it used. One that reports nothing, though it did not fail, does not know it yet."""
    status = answer.get("status")
    if status not in _FINAL or (kind is Kind.RESPONSE and answer.get("background") is False):
        return None
    usage = tokens_in(answer, Meter.RESPONSE)
    if usage is not None and (usage.tokens.input + usage.tokens.output > 0 or status == "failed"):
        return usage
    return Usage(source=Source.PROVIDER) if kind is Kind.BATCH and _made_nothing(answer) else None


def _made_nothing(answer: Json) -> bool:
    """Whether a batch ended before a line of it was answered."""
    counts = answer.get("request_counts")
    return isinstance(counts, dict) and counts.get("completed") == 0


async def _settle_read(call: Call, runtime: Runtime, answer: Json, usage: Usage) -> None:
    identity = bounded(str(answer["id"]))
    try:
        provision = await provision_for(runtime, identity)
        if provision is not None:
            deployment = await _home(runtime, provision.body, call.deployment)
            event = late_event(runtime, provision.body, answer, usage, deployment)
            await _settle(runtime, provision, event, call.caller)
            runtime.sizes.note(identity, usage.tokens.input + usage.tokens.output)
    except (StoreUnavailable, Unavailable):
        _log.error("The use of %s could not be settled: its estimate stays charged until it is seen again", identity)


async def look(runtime: Runtime, object_id: str) -> Found:
    """Ask the upstream for an object that is provided for, and settle it if it has ended. Raises StoreUnavailable and Unavailable."""
    provision = await provision_for(runtime, object_id)
    if provision is None:
        return Found.NOTHING
    deployment = await _home(runtime, provision.body)
    if deployment is None:
        return Found.UNREACHABLE
    kind = kind_of(provision.body)
    try:
        status, answer = await read_object(runtime, kind, object_id, deployment)
    except (UpstreamFailure, CredentialUnavailable, SecretUnavailable) as error:
        _log.warning("%s could not be asked for: %s", object_id, type(error).__name__)
        return Found.UNREACHABLE
    if answer is None:
        return Found.UNTOLD if status in GONE else Found.UNREACHABLE
    usage = final_usage(kind, answer)
    if usage is None:
        return Found.UNTOLD if answer.get("status") in _FINAL else Found.GOES_ON
    event = late_event(runtime, provision.body, {**answer, "id": object_id}, usage, deployment)
    await _settle(runtime, provision, event, None)
    return Found.SETTLED


async def give_up(runtime: Runtime, object_id: str) -> bool:
    """Report what was foreseen as what was used, marked as an estimate: nobody will ever tell. Say whether there was anything to report.

    Budgets keep what was reserved. Raises StoreUnavailable.
    """
    provision = await provision_for(runtime, object_id)
    if provision is None:
        return False
    event = estimate_event(runtime, provision.body, await _home(runtime, provision.body))
    await _report(runtime, event)
    is_ours = await claim(runtime, provision)
    if is_ours:
        runtime.telemetry.call_ended(Ended(event, is_late=True))
    return is_ours


class LateWork:
    """What goes on without its call, for whoever looks after it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def look(self, object_id: str) -> Found:
        return await look(self._runtime, object_id)

    async def give_up(self, object_id: str) -> bool:
        return await give_up(self._runtime, object_id)


def kind_of(provision: Stored) -> Kind:
    """Provisions of schema 1 do not say it: batches name themselves."""
    kind = provision.get("kind")
    if isinstance(kind, str):
        return Kind(kind)
    return Kind.BATCH if str(provision["id"]).startswith("batch") else Kind.RESPONSE


async def _home(runtime: Runtime, provision: Stored, known: str | None = None) -> Deployment | None:
    """Return the deployment that has the object. Raises StoreUnavailable."""
    name = provision.get("deployment") or known
    if not isinstance(name, str):
        owned = await OwnershipStore(runtime.documents).find(str(provision["id"]))
        name = owned.deployment if owned else ""
    return runtime.router.deployment(name)


async def _settle(runtime: Runtime, provision: Document, event: UsageEvent, reader: Caller | None) -> None:
    counts = await _counts(runtime, provision.body, reader)
    await _report(runtime, event)
    if await claim(runtime, provision):
        # From here on nothing waits: what is taken away is settled.
        runtime.telemetry.call_ended(Ended(event, is_late=True))
        tokens = event.usage.tokens.input + event.usage.tokens.output
        count_difference(counts, runtime, provision.body, {"tokens": tokens, "money": _cost(runtime, provision, event)})
    await OpenWorkStore(runtime.documents).remove(str(provision.body["id"]))


async def _counts(runtime: Runtime, provision: Stored, reader: Caller | None) -> tuple[CountRule, ...]:
    """Return what counts the work of its maker. A bearer of a token is nobody's entry: what is above him counts all the same."""
    key, creator = str(provision["key"]), provision["attribution"]
    caller = await runtime.callers.by_id(key) or reader
    if caller is not None:
        return caller.policy.counts
    assert isinstance(creator, Mapping)
    team = str(creator["team"])
    levels = await runtime.directory.chain(str(provision.get("owner") or f"teams/{team}"))
    return effective_of(levels or await runtime.directory.chain(f"teams/{team}"), key, team).counts


async def _report(runtime: Runtime, event: UsageEvent) -> None:
    """Raises StoreUnavailable where the event cannot be made durable."""
    runtime.events.publish(USAGE_EVENTS, event.id, orjson.dumps(event.to_json()))
    await runtime.events.flush()


def _cost(runtime: Runtime, provision: Document, event: UsageEvent) -> int | None:
    """What the ledger will charge for the event; where that has no price, what budgets charge for the like."""
    if event.usage.tokens == NO_USAGE.tokens:
        return 0
    charge = runtime.prices.rate(served_of(event.to_json()), event.usage)
    if isinstance(charge, Charge):
        return charge.cost
    models = provision.body["models"]
    aliases = [alias for alias in models if isinstance(alias, str)] if isinstance(models, list) else []
    deployment = runtime.router.deployment(event.deployment or "")
    return late_cost(
        event.usage, event.served_model, aliases, runtime, event.service_tier, deployment, event.started_at
    )
