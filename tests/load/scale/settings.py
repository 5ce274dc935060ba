"""The environments that are reckoned with, and what the calls are like."""

from dataclasses import dataclass, replace

MONTH_S = 730 * 3600


@dataclass(frozen=True, slots=True)
class Calls:
    """What a call is like on average. `seconds` is how long it is under way."""

    seconds: float = 5.0
    streamed: float = 0.5
    input_tokens: int = 1_500
    output_tokens: int = 500
    teams: int = 200
    body_bytes: int = 8_000


@dataclass(frozen=True, slots=True)
class Environment:
    """Settings as in infra-bicep and host.json, which tests hold them to.

    `units` are the most RU/s of ledger, counters and of what the others share; None is serverless.
    """

    name: str
    memory_mb: int
    most_instances: int
    http_concurrency: int
    always_ready: int
    units: tuple[int, int, int] | None
    messaging_units: int | None
    is_private: bool
    zones: bool
    batch: int = 500
    least_batch: int = 100
    batch_wait_s: float = 10.0
    tokens_per_minute: int = 100_000
    log_gb_a_day: float = float("inf")


PROD = Environment("prod", 2048, 100, 100, 2, (10_000, 10_000, 4_000), 1, is_private=True, zones=True)
STAGING = replace(
    PROD, name="staging", most_instances=20, always_ready=1, units=(1_000, 1_000, 1_000), zones=False, log_gb_a_day=5
)
DEV = Environment(
    "dev", 2048, 10, 100, 0, None, None, is_private=False, zones=False, tokens_per_minute=10_000, log_gb_a_day=1
)


def zipf(teams: int) -> list[float]:
    """The share of each team, the largest first, by Zipf's law."""
    weights = [1 / rank for rank in range(1, teams + 1)]
    return [weight / sum(weights) for weight in weights]
