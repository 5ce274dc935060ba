"""What the model is made of: what we have measured, what Azure says, and what is merely assumed, each with where it is from."""

from dataclasses import dataclass

MEASURED = "measured here"
DOCUMENTED = "documentation"
ASSUMED = "assumed"

_LEARN = "https://learn.microsoft.com/azure/"


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure, what it counts, and why it is believed."""

    value: float
    what: str
    kind: str
    source: str


CPU_PER_CALL_MS = Fact(0.83, "CPU ms of a plain call", MEASURED, "make bench, 2026-11-21")
CPU_PER_STREAM_MS = Fact(7.8, "CPU ms of a stream of 51 events", MEASURED, "make bench, 2026-11-21")
CPU_PER_EVENT_US = Fact(
    396, "CPU µs to post an event, batches of 32", MEASURED, "python -m tests.load.ledger, 2026-11-21"
)
EVENT_BYTES = Fact(1_080, "bytes of a usage event", MEASURED, "synthetic events of tests/shared/ledger, 2026-11-21")
STORED_BYTES = Fact(2_000, "bytes of an event and its entry", MEASURED, "1,080 + 860, and 60 of the store's own")
UNITS_PER_WRITE = Fact(
    5.02, "RU of a write of up to a kilobyte", MEASURED, "python -m tests.load.ledger: 46.2 RU in 9.2 writes"
)
UNITS_BY_BATCH = ((1, 46.2), (32, 25.5), (256, 16.5))
"""RU of an event by the size of the delivery, 12 teams: measured, python -m tests.load.ledger, 2026-11-21."""

LEASE_WRITES_PER_S = Fact(
    0.6, "exchanges a second of an instance with an account", MEASURED, "python -m tests.load.leases: 6 in 1,000"
)
FEED_READS_PER_S = Fact(
    1.0,
    "looks at the change feed a second of an instance with calls",
    MEASURED,
    "python -m tests.load.steps: 10 in 1,000",
)

PARTITION_UNITS = Fact(
    10_000, "RU/s of a partition, logical or physical", DOCUMENTED, _LEARN + "cosmos-db/concepts-limits"
)
PARTITION_BYTES = Fact(20e9, "bytes of a logical partition", DOCUMENTED, _LEARN + "cosmos-db/concepts-limits")
SERVERLESS_UNITS = Fact(
    5_000, "RU/s of a serverless container", DOCUMENTED, _LEARN + "cosmos-db/serverless-performance"
)
STANDARD_CREDITS = Fact(
    1_000, "messages a second in and out, Standard", DOCUMENTED, _LEARN + "service-bus-messaging/service-bus-throttling"
)
PREMIUM_MESSAGES = Fact(
    1_000,
    "messages a second through one messaging unit",
    ASSUMED,
    "Azure names no figure: measure before relying on it",
)
MEMORY_QUOTA_MB = Fact(
    512_000, "MB of all instances in a region", DOCUMENTED, _LEARN + "azure-functions/flex-consumption-plan"
)
MOST_INSTANCES = Fact(1_000, "instances of an app", DOCUMENTED, _LEARN + "azure-functions/flex-consumption-plan")
LEAST_BILLED_S = Fact(
    1.0, "seconds billed for an execution at least", DOCUMENTED, _LEARN + "azure-functions/flex-consumption-plan"
)

WRITE_S = Fact(0.010, "seconds of a write", ASSUMED, "within a region, gateway mode")
READ_S = Fact(0.006, "seconds of a point read", ASSUMED, "within a region, gateway mode")
BATCH_S = Fact(0.035, "seconds of a batch of a hundred operations", ASSUMED, "within a region, gateway mode")
DELIVERY_S = Fact(
    0.050, "seconds to receive and complete a delivery", ASSUMED, "two exchanges with the bus, and the host"
)

TIMER_RUNS_PER_DAY = 4_681
"""Held to functions/timers by a test."""

FACTS = tuple(value for value in list(globals().values()) if isinstance(value, Fact))
