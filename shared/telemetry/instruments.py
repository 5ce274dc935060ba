"""Every figure that the gateway tells of itself: name, unit, and all that it may be divided by. There are no others.

No attribute names a person, a key or what was said; a team only where it says so. The buckets of `gen_ai.*` are those that the semantic
conventions for generative AI advise.
"""

from shared.telemetry.model import Instrument, Kind

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
OWN_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
JOB_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)
GEN_AI_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
GEN_AI_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)

_GEN_AI = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model")


def _counter(name: str, unit: str, description: str, *attributes: str) -> Instrument:
    return Instrument(name, Kind.COUNTER, unit, description, attributes)


def _gauge(name: str, unit: str, description: str, *attributes: str) -> Instrument:
    return Instrument(name, Kind.GAUGE, unit, description, attributes)


def _histogram(name: str, unit: str, description: str, bounds: tuple[float, ...], *attributes: str) -> Instrument:
    return Instrument(name, Kind.HISTOGRAM, unit, description, attributes, bounds)


REQUESTS = _counter(
    "tollgate.requests", "{request}", "Calls that came to their end.",
    "endpoint", "model", "deployment", "status", "outcome", "error_code",
)  # fmt: skip
REQUEST_DURATION = _histogram(
    "tollgate.request.duration", "s", "From a call's arrival to its last byte.", SECONDS,
    "endpoint", "model", "streamed",
)  # fmt: skip
FIRST_BYTE = _histogram(
    "tollgate.first_byte", "s", "From a call's arrival to the upstream's first byte.", SECONDS,
    "endpoint", "model", "deployment",
)  # fmt: skip
OVERHEAD = _histogram(
    "tollgate.overhead", "s", "The gateway's own time before it first asked the upstream.", OWN_SECONDS, "endpoint"
)
OPERATION_DURATION = _histogram(
    "gen_ai.client.operation.duration", "s", "GenAI operation duration.", GEN_AI_SECONDS, *_GEN_AI, "error.type"
)
TOKEN_USAGE = _histogram(
    "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", GEN_AI_TOKENS,
    *_GEN_AI, "gen_ai.token.type",
)  # fmt: skip
TOKENS = _counter(
    "tollgate.tokens", "{token}", "Tokens by bucket; buckets do not overlap.", "model", "deployment", "bucket"
)
COST = _counter(
    "tollgate.cost", "{currency}", "Cost as estimated at settlement; the ledger has the exact one.",
    "model", "deployment", "currency",
)  # fmt: skip
THROTTLED = _counter(
    "tollgate.throttled", "{refusal}", "Refusals for lack of room: our own limits, and every 429 of an upstream.",
    "kind", "deployment",
)  # fmt: skip
UPSTREAM_FAILURES = _counter(
    "tollgate.upstream.failures", "{attempt}", "Attempts that brought no good answer, 429s apart.", "deployment", "kind"
)
CIRCUIT = _gauge(
    "tollgate.circuit", "1", "1 while this instance leaves a deployment alone, because it fails; else 0.", "deployment"
)
LEASES = _counter("tollgate.leases", "{request}", "What was asked of the store for shared allowances.", "result")
STORE_CHARGE = _counter("tollgate.store.charge", "{RU}", "Request units that were charged.", "container", "operation")
STORE_DURATION = _histogram(
    "tollgate.store.duration", "s", "One call of the store, retries included.", OWN_SECONDS, "container", "operation"
)
STORE_THROTTLED = _counter(
    "tollgate.store.throttled", "{answer}", "Answers of the store that asked for patience (429).",
    "container", "operation",
)  # fmt: skip
OUTBOX_WAITING = _gauge(
    "tollgate.outbox.waiting", "{message}", "Messages that wait on this instance for the broker.", "queue"
)
JOBS = _counter("tollgate.jobs", "{job}", "Queue messages and timer ticks that were worked off.", "job", "outcome")
JOB_DURATION = _histogram(
    "tollgate.job.duration", "s", "One queue message or timer tick.", JOB_SECONDS, "job", "outcome"
)
LEDGER_EVENTS = _counter("tollgate.ledger.events", "{event}", "Usage events by what became of them.", "outcome")
LEDGER_UNPRICED = _counter("tollgate.ledger.unpriced", "{entry}", "Entries posted without a price.", "model")
BOOKS_DIFFERENCES = _counter(
    "tollgate.books.differences",
    "{difference}",
    "Partitions and budgets that do not say what the ledger's entries say.",
)
BUDGETS_EXHAUSTED = _counter("tollgate.budgets.exhausted", "{budget}", "Budgets that were used up.", "scope")
BUDGET_USED = _gauge(
    "tollgate.budget.used", "1", "Share of a budget that is used: the 200 fullest, from one half on.", "budget", "team"
)
SESSIONS = _counter("tollgate.sessions", "{session}", "Sessions by the label that they were given.", "label")
ALERTS_DELIVERED = _counter("tollgate.alerts.delivered", "{notice}", "Notices that were sent.", "channel", "outcome")
DROPPED = _counter("tollgate.telemetry.dropped", "{record}", "What was not recorded, for want of room or for a fault.")

ALL = (
    REQUESTS, REQUEST_DURATION, FIRST_BYTE, OVERHEAD, OPERATION_DURATION, TOKEN_USAGE, TOKENS, COST, THROTTLED, UPSTREAM_FAILURES,
    CIRCUIT, LEASES, STORE_CHARGE, STORE_DURATION, STORE_THROTTLED, OUTBOX_WAITING, JOBS, JOB_DURATION, LEDGER_EVENTS, LEDGER_UNPRICED,
    BOOKS_DIFFERENCES, BUDGETS_EXHAUSTED, BUDGET_USED, SESSIONS, ALERTS_DELIVERED, DROPPED,
)  # fmt: skip
