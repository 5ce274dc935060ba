"""Gives account of what a call has reserved, once it is known or given up what it used."""

from dataclasses import dataclass

from shared.gateway.call import Call
from shared.gateway.spending.cost import exact_cost
from shared.gateway.spending.forecast import learn
from shared.gateway.spending.provisions import keep_provision, provision_of
from shared.runtime import Runtime
from shared.usage.model import Outcome, Source, Usage
from shared.wire.openai.endpoints import Kind


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended. `at` is monotonic; `is_in_doubt` says that it went out, and that nobody knows what became of it."""

    status: int
    outcome: Outcome
    at: float
    is_in_doubt: bool = False


def give_account(call: Call, runtime: Runtime, end: End, usage: Usage) -> None:
    """Settle what was reserved with what was used, or as it was reserved; what never went out gives everything back.

    Work that goes on without its call is provided for, so that whoever sees it finished can settle the rest.
    """
    reservation = call.reservation
    if not call.is_made:
        reservation.release()
        return
    goes_on = usage.source is Source.PENDING or (end.status < 400 and call.endpoint.creates is Kind.BATCH)
    if goes_on and call.seen.object_id is not None:
        runtime.background.spawn(keep_provision(runtime, provision_of(call, call.seen.object_id)))
    spending = [(rule, taken) for rule, taken in reservation.taken if rule.budget is not None]
    if goes_on or end.is_in_doubt:
        reservation.settle(None, None)
    else:
        _learn(call, runtime, end, usage)
        cost = exact_cost(call, runtime, usage) if spending else None
        reservation.settle(usage.tokens.input + usage.tokens.output, cost)
    for rule, taken in spending:
        if rule.budget is not None:
            # Of the period that the call was charged to, which may be over.
            runtime.budgets.notice(rule.budget, rule.team, taken.level())


def _learn(call: Call, runtime: Runtime, end: End, usage: Usage) -> None:
    """Only whole answers teach how long answers are."""
    is_whole = usage.source is Source.PROVIDER or (
        usage.source is Source.ESTIMATED and end.outcome is Outcome.COMPLETED
    )
    if is_whole and call.model is not None:
        learn(call, runtime, usage.tokens)
