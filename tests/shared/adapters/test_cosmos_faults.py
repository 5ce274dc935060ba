import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from shared.adapters.cosmos_documents import CosmosDocuments
from shared.documents import Condition, DocumentExists, PreconditionFailed, StoreUnavailable, Upsert
from tests.shared.adapters.cosmos_line import CosmosLine, Figures
from tests.shared.adapters.document_contract import C, P, ids

NOTHING_CHANGED = [429, 449, 503]
UNKNOWN = [{"status": 408}, {"status": 500}, {"drop": "before"}, {"drop": "after"}]


@pytest.fixture
async def store(cosmos: CosmosLine) -> CosmosDocuments:
    """A store whose container is open, with the document `a`."""
    store = cosmos.store()
    await store.create(C, P, {"id": "a", "n": 1})
    cosmos.peer.mend()
    return store


@pytest.mark.parametrize("status", NOTHING_CHANGED)
async def test_what_was_certainly_not_done_is_tried_again(
    cosmos: CosmosLine, store: CosmosDocuments, status: int
) -> None:
    cosmos.peer.fault(label="PATCH", status=status, times=2)
    cosmos.peer.fault(label="BATCH", status=status, times=2, retryAfterMs=1)
    cosmos.peer.fault(label="QUERY", status=status)

    assert await store.increment(C, P, "a", "n", 1) == 2
    assert await store.delete(C, P, "a") is True
    assert ids(await store.query(C, P)) == []
    assert cosmos.sent() == {"PATCH": 3, "BATCH": 3, "QUERY": 2}


@pytest.mark.parametrize("fault", UNKNOWN)
@pytest.mark.parametrize("label", ["GET", "QUERY", "FEED"])
async def test_reading_is_tried_again_whatever_went_wrong(
    cosmos: CosmosLine, store: CosmosDocuments, label: str, fault: dict[str, object]
) -> None:
    cosmos.peer.fault(label=label, times=2, **fault)

    assert await store.get(C, P, "a") is not None
    assert ids(await store.query(C, P, [Condition("n", "=", 1)])) == ["a"]
    assert ids(await store.changes(C)) == ["a"]
    assert ids(await store.changes(C, await store.tip(C))) == []


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_a_write_of_unknown_outcome_is_not_sent_twice(
    cosmos: CosmosLine, store: CosmosDocuments, fault: dict[str, object]
) -> None:
    version = await store.get(C, P, "a")
    assert version is not None
    cosmos.peer.mend()
    cosmos.peer.fault(times=4, **fault)

    with pytest.raises(StoreUnavailable):
        await store.increment(C, P, "a", "n", 1)
    with pytest.raises(StoreUnavailable):
        await store.create(C, P, {"id": "new"})
    with pytest.raises(StoreUnavailable):
        await store.replace(C, P, {"id": "a"}, version.etag)
    with pytest.raises(StoreUnavailable):
        await store.delete(C, P, "a")
    assert cosmos.sent() == {"PATCH": 1, "BATCH": 3}


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_an_upsert_may_be_sent_twice(
    cosmos: CosmosLine, store: CosmosDocuments, fault: dict[str, object]
) -> None:
    cosmos.peer.fault(label="BATCH", times=2, **fault)
    (document,) = await store.batch(C, P, [Upsert({"id": "a", "n": 5})])

    assert await store.get(C, P, "a") == document


async def test_a_replace_that_was_throttled_is_still_bound_to_its_version(
    cosmos: CosmosLine, store: CosmosDocuments
) -> None:
    first = await store.get(C, P, "a")
    assert first is not None
    await store.upsert(C, P, {"id": "a", "n": 2})
    cosmos.peer.fault(label="BATCH", status=429, times=2)

    with pytest.raises(PreconditionFailed):
        await store.replace(C, P, {"id": "a", "n": 3}, first.etag)


async def test_a_storm_of_throttling_ends_with_patience(cosmos: CosmosLine, store: CosmosDocuments) -> None:
    impatient = cosmos.store(patience_s=1.5)
    await impatient.get(C, P, "a")
    cosmos.peer.fault(status=429, times=1000)

    with pytest.raises(StoreUnavailable, match="429"):
        await impatient.get(C, P, "a")
    with pytest.raises(StoreUnavailable, match="429"):
        await impatient.increment(C, P, "a", "n", 1)
    cosmos.peer.mend()
    assert await impatient.increment(C, P, "a", "n", 1) == 2


async def test_a_longer_wait_than_patience_is_not_begun(cosmos: CosmosLine, store: CosmosDocuments) -> None:
    cosmos.peer.fault(label="GET", status=429, retryAfterMs=60_000)

    with pytest.raises(StoreUnavailable, match="429"):
        await store.get(C, P, "a")
    assert cosmos.sent() == {"GET": 1}


async def test_a_replica_that_is_behind_does_not_make_a_document_missing(
    cosmos: CosmosLine, store: CosmosDocuments
) -> None:
    cosmos.peer.fault(label="GET", status=404, substatus=1002, times=2)

    assert await store.get(C, P, "a") is not None


async def test_a_container_that_is_gone_does_not_make_a_document_missing(
    cosmos: CosmosLine, store: CosmosDocuments
) -> None:
    cosmos.peer.fault(label="PATCH", status=404, substatus=1003)

    with pytest.raises(StoreUnavailable, match="404"):
        await store.increment(C, P, "a", "n", 1)


async def test_a_peer_that_hangs_is_asked_again(cosmos: CosmosLine, store: CosmosDocuments) -> None:
    patient = cosmos.store(patience_s=2)
    await patient.get(C, P, "a")
    cosmos.peer.fault(label="GET", hang=True)

    assert await patient.get(C, P, "a") is not None


@pytest.mark.parametrize(
    ("label", "call"),
    [
        ("META", lambda store: store.get(C, P, "a")),
        ("GET", lambda store: store.get(C, P, "a")),
        ("FEED", lambda store: store.changes(C)),
        ("FEED", lambda store: store.tip(C)),
        ("PATCH", lambda store: store.increment(C, P, "a", "n", 1)),
        ("BATCH", lambda store: store.delete(C, P, "a")),
    ],
)
async def test_a_peer_that_keeps_hanging_is_unavailable(
    cosmos: CosmosLine, store: CosmosDocuments, label: str, call: Callable[[CosmosDocuments], Awaitable[object]]
) -> None:
    cosmos.peer.fault(label=label, hang=True, times=1000)

    with pytest.raises(StoreUnavailable):
        await call(cosmos.store(patience_s=0.5))


async def test_an_account_that_is_away_is_found_when_it_is_back(cosmos: CosmosLine) -> None:
    store = cosmos.store(patience_s=1.5)
    cosmos.peer.fault(drop="before", times=1000)
    with pytest.raises(StoreUnavailable):
        await store.get(C, P, "a")
    assert all(identity.is_closed for identity in cosmos.identities)
    cosmos.peer.mend()

    assert await store.get(C, P, "a") is None


async def test_nobody_listening_is_unavailable(cosmos: CosmosLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        store = cosmos.store(f"https://127.0.0.1:{taken.getsockname()[1]}/", patience_s=0.3)
        with pytest.raises(StoreUnavailable):
            await store.create(C, P, {"id": "a"})


async def test_a_token_that_is_refused_is_told_without_it(cosmos: CosmosLine) -> None:
    with pytest.raises(StoreUnavailable) as refusal:
        await cosmos.store(token="an-expired-token").get(C, P, "a")

    assert "an-expired-token" not in str(refusal.value)


async def test_a_document_that_does_not_fit_is_the_callers_fault(cosmos: CosmosLine, store: CosmosDocuments) -> None:
    cosmos.peer.fault(label="BATCH", status=413)

    with pytest.raises(ValueError, match="too large"):
        await store.create(C, P, {"id": "b"})


async def test_counts_stay_within_what_callers_were_told(cosmos: CosmosLine, store: CosmosDocuments) -> None:
    stores = [cosmos.store(), cosmos.store()]
    for fault in ({"drop": "after"}, {"drop": "before"}, {"status": 503}, {"status": 408}) * 5:
        cosmos.peer.fault(label="PATCH", **fault)
    outcomes = await asyncio.gather(
        *(stores[n % 2].increment(C, P, "a", "used", 1, ceiling=50) for n in range(60)), return_exceptions=True
    )
    done = [outcome for outcome in outcomes if isinstance(outcome, int)]
    unknown = [outcome for outcome in outcomes if isinstance(outcome, StoreUnavailable)]
    document = await store.get(C, P, "a")

    assert document is not None
    assert len(done) == len(set(done))
    assert len(done) <= int(str(document.body["used"])) <= min(50, len(done) + len(unknown))
    assert len(unknown) == 15


async def test_writers_in_conflict_lose_nothing_while_answers_get_lost(
    cosmos: CosmosLine, store: CosmosDocuments
) -> None:
    done = unknown = 0

    async def add(writer: CosmosDocuments) -> None:
        nonlocal done, unknown
        try:
            while True:
                read = await writer.get(C, P, "a")
                assert read is not None
                try:
                    await writer.replace(C, P, {"id": "a", "n": int(str(read.body["n"])) + 1}, read.etag)
                except PreconditionFailed:
                    continue
                done += 1
                return
        except StoreUnavailable:
            unknown += 1

    writers = [cosmos.store(), cosmos.store()]
    cosmos.peer.fault(label="BATCH", drop="after", times=3)
    cosmos.peer.fault(label="BATCH", status=429, times=3)
    await asyncio.gather(*(add(writers[n % 2]) for n in range(12)))
    document = await store.get(C, P, "a")

    assert document is not None
    assert unknown == 3
    assert 1 + done <= int(str(document.body["n"])) <= 1 + done + unknown


async def test_a_create_whose_answer_was_lost_is_found_to_exist(cosmos: CosmosLine, store: CosmosDocuments) -> None:
    cosmos.peer.fault(label="BATCH", drop="after")
    with pytest.raises(StoreUnavailable):
        await store.create(C, P, {"id": "new"})

    with pytest.raises(DocumentExists):
        await store.create(C, P, {"id": "new"})


async def test_an_answer_that_asks_for_patience_is_told(cosmos: CosmosLine) -> None:
    figures = Figures()
    store = cosmos.store(figures=figures)
    await store.create(C, P, {"id": "a", "n": 1})
    cosmos.peer.fault(label="PATCH", status=429, times=2)
    cosmos.peer.fault(label="QUERY", status=503)

    assert await store.increment(C, P, "a", "n", 1) == 2
    await store.query(C, P)
    assert figures.throttlings == [(C, "increment")] * 2
