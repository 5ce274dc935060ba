"""Writes the usage event of work that ended after its call: with all that its price depends on, as of when it began."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.catalog.model import Charge, Tier
from shared.catalog.rating import PROVISIONED, served_of
from shared.documents import Json as Stored
from shared.gateway.call import Json, bounded
from shared.providers.model import Deployment
from shared.runtime import Runtime
from shared.usage.model import Attribution, Outcome, Source, Timings, TokenUsage, Trace, Usage, UsageEvent

GIVEN_UP = "usage_never_told"
"""The finish reason of an event that stands for work whose use nobody told."""

_BATCH = "batch"


def late_event(
    runtime: Runtime, provision: Stored, answer: Json, usage: Usage, deployment: Deployment | None
) -> UsageEvent:
    """Return the event of a finished object: its maker's, whoever saw it."""
    served = answer.get("model")
    event = _event(runtime, provision, usage, deployment)
    event = replace(
        event,
        served_model=bounded(served) if isinstance(served, str) and served else None,
        service_tier=_tier(event.endpoint, answer),
        outcome=Outcome.FAILED if answer.get("status") == "failed" else Outcome.COMPLETED,
    )
    return _of_the_dearest(runtime, provision, event, deployment)


def estimate_event(runtime: Runtime, provision: Stored, deployment: Deployment | None) -> UsageEvent:
    """Return the event that stands for what nobody will tell."""
    kept = provision.get("estimate")
    prompt, output = (int(each) for each in kept) if isinstance(kept, Sequence) and len(kept) == 2 else (0, 0)
    usage = Usage(TokenUsage(input_fresh=prompt, output_text=output), source=Source.ESTIMATED)
    event = _event(runtime, provision, usage, deployment)
    event = replace(event, service_tier=_tier(event.endpoint, {}), finish_reason=GIVEN_UP)
    return _of_the_dearest(runtime, provision, event, deployment)


def _event(runtime: Runtime, provision: Stored, usage: Usage, deployment: Deployment | None) -> UsageEvent:
    identity, creator = bounded(str(provision["id"])), provision["attribution"]
    assert isinstance(creator, Mapping)
    is_batch = provision.get("kind") == _BATCH or identity.startswith(_BATCH)
    tags, trace, asked = (provision.get(name) for name in ("tags", "trace", "downshifted_from"))
    return UsageEvent(
        id=f"late_{identity}",
        # By our own clock, as of the call that began it: whoever reports it, it is in the same month, and in it once.
        started_at=datetime.fromisoformat(str(provision["at"])),
        endpoint="batches" if is_batch else "responses",
        attribution=Attribution(**creator),
        status=200,
        outcome=Outcome.COMPLETED,
        usage=usage,
        timings=Timings(None, 0),
        deployment=deployment.name if deployment else None,
        provider=deployment.provider if deployment else None,
        region=deployment.region if deployment else None,
        object_id=identity,
        downshifted_from=asked if isinstance(asked, str) else None,
        processing=deployment.processing if deployment else None,
        capacity=_capacity(runtime, provision, deployment),
        tags=dict(tags) if isinstance(tags, Mapping) else {},
        trace=Trace(**trace) if isinstance(trace, Mapping) else Trace(),
    )


def _capacity(runtime: Runtime, provision: Stored, deployment: Deployment | None) -> str:
    if deployment is not None and deployment.capacity == PROVISIONED:
        return "spillover" if provision.get("is_spillover") is True else PROVISIONED
    tried = provision.get("tried")
    before = (runtime.router.deployment(str(name)) for name in (tried if isinstance(tried, list) else ()))
    return "spillover" if any(each is not None and each.capacity == PROVISIONED for each in before) else "standard"


def _tier(endpoint: str, answer: Json) -> str | None:
    if endpoint == "batches":
        return Tier.BATCH
    tier = answer.get("service_tier")
    return bounded(tier) if isinstance(tier, str) else None


def _of_the_dearest(
    runtime: Runtime, provision: Stored, event: UsageEvent, deployment: Deployment | None
) -> UsageEvent:
    """Name the model that was asked for. Of a batch that asked for several nobody tells which used what: the dearest counts."""
    named = [
        replace(event, requested_model=alias, catalog_model=deployment.catalogued(alias) if deployment else None)
        for alias in _aliases(provision)
    ]
    return max(named, key=lambda each: _cost(runtime, each), default=event)


def _cost(runtime: Runtime, event: UsageEvent) -> int:
    charge = runtime.prices.rate(served_of(event.to_json()), event.usage)
    return charge.cost if isinstance(charge, Charge) else -1


def _aliases(provision: Stored) -> Iterator[str]:
    models = provision["models"]
    for alias in models if isinstance(models, list) else ():
        if isinstance(alias, str) and alias:
            yield alias
