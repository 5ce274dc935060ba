"""Usage events as the gateway sends them, and all that takes them in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson

from shared.catalog.model import Charge, Unpriced
from shared.clock import Clock
from shared.documents import DocumentStore, Json
from shared.jobs.usage_ingest import Intake, Rate
from shared.keys.use import KeyUseStore, LastUse
from shared.ledger.rejected import RejectedStore
from shared.ledger.service import LedgerService
from shared.usage.model import (
    AttemptRecord,
    Attribution,
    Outcome,
    Source,
    Timings,
    TokenUsage,
    Trace,
    Units,
    Usage,
    UsageEvent,
)

MORNING = datetime(2026, 11, 21, 5, tzinfo=UTC)
MODELS = ("gpt-4o", "gpt-4.1-mini", "gpt-5", "text-embedding-3-large")


def event(id: str = "req_1", at: datetime = MORNING, team: str = "search", **changes: Any) -> dict[str, Any]:
    """Return the stored form of an event. What is given replaces top-level fields."""
    made = UsageEvent(
        id=id,
        started_at=at,
        endpoint="chat.completions",
        attribution=Attribution(team, f"vk_{team}", cost_center="cc-7", area="products", application="bot", user="ada"),
        status=200,
        outcome=Outcome.COMPLETED,
        usage=Usage(TokenUsage(input_fresh=100, input_cached=20, output_text=30), Units(), Source.PROVIDER),
        timings=Timings(210, 900),
        attempts=(AttemptRecord("azure", 200, None, 210),),
        requested_model="smart",
        served_model="gpt-4o-2024-11-20",
        catalog_model="gpt-4o",
        deployment="azure",
        provider="azure_openai",
        processing="global",
        finish_reason="stop",
        trace=Trace(session="s1", tool_calls=2),
    )
    return {**made.to_json(), **changes}


def message(id: str = "req_1", **changes: Any) -> bytes:
    return orjson.dumps(event(id, **changes))


def per_token(event: Json) -> Charge | Unpriced:
    """A price of its own for the tests: seven nano-units for a token, and none for a model called `secret`."""
    tokens = event["tokens"]
    assert isinstance(tokens, dict)
    if event["catalog_model"] == "secret":
        return Unpriced("secret", ("price",))
    lines = {name: 7 * count for name, count in tokens.items() if count}
    return Charge(sum(lines.values()), "a price", lines, "USD", saved_cache=2 * tokens.get("input_cached", 0))


class Unlocked:
    async def is_locked(self, at: datetime) -> bool:
        return False


async def at_once(seconds: float) -> None:
    """Sleeps for nobody."""


def intake(documents: DocumentStore, clock: Clock, rate: Rate = per_token, time_zone: str = "UTC") -> Intake:
    ledger = LedgerService(documents, clock, time_zone=time_zone, sleep=at_once)
    return Intake(ledger, RejectedStore(documents, clock), rate, Unlocked(), clock)


def last_use(documents: DocumentStore, clock: Clock) -> LastUse:
    return LastUse(KeyUseStore(documents), clock)


def events(count: int, teams: int, over: timedelta = timedelta(days=31), seed: int = 1) -> Iterator[Json]:
    """Yield events of October, the same every time: teams and users of unequal weight, one in fifty failed, one in ten tagged."""
    random, start = Random(seed), datetime(2026, 10, 1, tzinfo=UTC)
    step = over / count
    for n in range(count):
        team = min(int(random.expovariate(0.4)), teams - 1)
        user, model = min(int(random.expovariate(0.7)), 7), random.choice(MODELS[: 1 + team % len(MODELS)])
        fails = random.random() < 0.02
        yield event(
            f"req_{seed:03}{n:09}",
            start + n * step,
            f"team-{team:02}",
            user=f"user-{user}",
            key=f"vk_{team}_{user}",
            catalog_model=model,
            served_model=model,
            status=429 if fails else 200,
            outcome="upstream_error" if fails else "completed",
            usage_source="none" if fails else "provider",
            tokens=_tokens(random) if not fails else {},
            total_ms=random.randrange(200, 20_000),
            tags={"pr": f"acme/shop#{random.randrange(40)}"} if random.random() < 0.1 else {},
        )


def _tokens(random: Random) -> dict[str, int]:
    return {
        "input_fresh": random.randrange(10, 9_000),
        "input_cached": random.randrange(0, 4_000),
        "output_text": random.randrange(1, 900),
        "output_reasoning": random.randrange(0, 300),
    }
