import asyncio
import itertools
import random
from pathlib import Path

import pytest

from shared.adapters.cosmos_documents import CosmosDocuments
from shared.adapters.cosmos_items import key_of
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import (
    Condition,
    Document,
    DocumentExists,
    DocumentStore,
    PreconditionFailed,
    StoreUnavailable,
)
from tests.fakes import FakeClock
from tests.shared.adapters.cosmos_line import CosmosLine, Figures, PeerClock
from tests.shared.adapters.document_contract import C, DocumentStoreContract, P, every_page, ids

ODD_NAMES = ["a/b", "a\\b", "a?b#c", "a%2Fb", "a~2Fb", "~", "~~", ".", "..", " a ", "é ☃", "\t", "x" * 2000, "x" * 1999]


@pytest.fixture
def clock(cosmos: CosmosLine) -> FakeClock:
    return PeerClock(cosmos.peer)


@pytest.fixture
def store(cosmos: CosmosLine) -> CosmosDocuments:
    return cosmos.store()


class TestCosmosDocuments(DocumentStoreContract):
    @pytest.fixture
    def store(self, cosmos: CosmosLine) -> DocumentStore:
        return cosmos.store()


async def test_nothing_is_opened_before_the_first_use(cosmos: CosmosLine) -> None:
    await cosmos.store().close()

    assert (cosmos.clients, cosmos.identities, cosmos.peer.requests()) == ([], [], [])


async def test_all_first_calls_share_one_client_which_is_closed_with_the_store(cosmos: CosmosLine) -> None:
    store = cosmos.store()
    await asyncio.gather(*(store.create(C, P, {"id": str(n)}) for n in range(20)))
    await store.close()

    assert len(cosmos.clients) == 1
    assert [identity.is_closed for identity in cosmos.identities] == [True]


async def test_without_a_factory_the_client_of_the_sdk_is_used(cosmos: CosmosLine) -> None:
    created = await cosmos.store(client_factory=None).create(C, P, {"id": "a"})

    assert await cosmos.store().get(C, P, "a") == created


async def test_instances_that_make_the_same_container_at_once_both_have_it(cosmos: CosmosLine) -> None:
    found = await asyncio.gather(*(cosmos.store().get(C, P, "a") for _ in range(8)))

    assert found == [None] * 8


async def test_closing_finishes_what_is_under_way(store: CosmosDocuments) -> None:
    writes = [asyncio.create_task(store.create(C, P, {"id": str(n)})) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()

    assert all(isinstance(outcome, Document) for outcome in await asyncio.gather(*writes))


async def test_a_closed_store_is_unavailable(store: CosmosDocuments) -> None:
    await store.create(C, P, {"id": "a"})
    await store.close()
    await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.get(C, P, "a")


async def test_containers_made_by_someone_else_are_used(cosmos: CosmosLine) -> None:
    await cosmos.store().create(C, P, {"id": "a"})

    assert await cosmos.store(creates_containers=False).get(C, P, "a") is not None


async def test_a_missing_container_is_not_taken_for_missing_documents(cosmos: CosmosLine) -> None:
    await cosmos.store().create(C, P, {"id": "a"})

    with pytest.raises(StoreUnavailable, match="no container 'others'"):
        await cosmos.store(creates_containers=False).get("others", P, "a")


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_any_name_can_be_an_id_or_a_partition(store: CosmosDocuments, name: str) -> None:
    created = await store.create(C, name, {"id": name, "n": 1})

    assert await store.get(C, name, name) == created
    assert await store.increment(C, name, name, "n", 1) == 2
    assert ids(await store.query(C, name)) == [name]
    assert ids(await store.changes(C)) == [name]
    assert await store.delete(C, name, name) is True


def test_different_names_have_different_keys_without_forbidden_characters() -> None:
    keys = [key_of(name) for name in ODD_NAMES]

    assert len(set(keys)) == len(ODD_NAMES)
    assert not set("".join(keys)) & set("/\\?#% \t")
    assert max(map(len, keys)) <= 255


@pytest.mark.parametrize("document", [{}, {"id": ""}, {"id": 7}])
async def test_a_document_needs_an_id(store: CosmosDocuments, document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="id"):
        await store.create(C, P, document)


async def test_fields_may_be_called_as_those_of_cosmos_db(store: CosmosDocuments) -> None:
    body = {"id": "a", "pk": "mine", "body": {"body": 1}, "ttl": 1, "_etag": "mine", "_ts": 1, "value": "x", "order": 2}
    created = await store.create(C, P, body)

    assert created.body == body
    assert ids(await store.query(C, P, [Condition("value", "=", "x")], order_by="order")) == ["a"]


@pytest.mark.parametrize("value", ["1", True, [1]])
@pytest.mark.parametrize("ceiling", [None, -1, 100])
async def test_only_numbers_are_incremented(store: CosmosDocuments, value: object, ceiling: int | None) -> None:
    await store.create(C, P, {"id": "a", "n": value})

    with pytest.raises(ValueError, match="stored"):
        await store.increment(C, P, "a", "n", 1, ceiling)


async def test_an_absent_field_counts_as_zero_below_the_ceiling_too(store: CosmosDocuments) -> None:
    await store.create(C, P, {"id": "a"})

    with pytest.raises(PreconditionFailed):
        await store.increment(C, P, "a", "n", 5, ceiling=4)
    assert await store.increment(C, P, "a", "n", 4, ceiling=4) == 4


@pytest.mark.parametrize("field", ["a.b", "a'b", 'a"b', "a b", "", "1a", "$", "a[0]", "é", "a/b"])
async def test_odd_field_names_are_refused(store: CosmosDocuments, field: str) -> None:
    with pytest.raises(ValueError, match="field"):
        await store.query(C, P, [Condition(field, "=", 1)])
    with pytest.raises(ValueError, match="field"):
        await store.query(C, P, order_by=field)
    with pytest.raises(ValueError, match="field"):
        await store.increment(C, P, "a", field, 1)


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24=", "e30="])
async def test_a_cursor_of_someone_else_is_refused(store: CosmosDocuments, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await store.query(C, P, cursor=cursor)


async def test_an_unknown_operator_and_an_impossible_limit_are_refused(store: CosmosDocuments) -> None:
    with pytest.raises(ValueError, match="operator"):
        await store.query(C, P, [Condition("n", "!=", 1)])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit"):
        await store.query(C, P, limit=0)


@pytest.mark.parametrize("seed", range(3))
async def test_pages_are_those_of_sqlite(store: CosmosDocuments, clock: FakeClock, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    sqlite = SqliteDocuments(tmp_path / "documents.db", clock)
    for n in range(25):
        value = chance.choice([{}, {"n": None}, {"n": chance.randrange(4)}, {"n": chance.choice("ab")}, {"n": 1.5}])
        body = {"id": chance.choice("ABab") + f"{n:02}", "even": n % 2 == 0, **value}
        await asyncio.gather(store.create(C, P, body), sqlite.create(C, P, body))

    for descending, where in itertools.product([False, True], [[], [Condition("even", "=", True)]]):
        wanted = ids(await sqlite.query(C, P, where, order_by="n", descending=descending))
        limit = chance.randrange(1, 9)
        assert await every_page(store, limit, where=where, order_by="n", descending=descending) == wanted
    await sqlite.close()


async def test_later_writes_do_not_shift_the_next_page(store: CosmosDocuments) -> None:
    for id in "bdf":
        await store.create(C, P, {"id": id, "n": 1})
    first = await store.query(C, P, order_by="n", limit=2)
    await store.create(C, P, {"id": "a", "n": 1})
    await store.create(C, P, {"id": "e", "n": 1})

    assert ids(await store.query(C, P, order_by="n", cursor=first.cursor)) == ["e", "f"]


async def test_instances_share_increments_that_never_pass_the_ceiling(cosmos: CosmosLine) -> None:
    stores = [cosmos.store(), cosmos.store()]
    await stores[0].create(C, P, {"id": "a"})
    cosmos.peer.fault(label="PATCH", times=20, status=449)
    outcomes = await asyncio.gather(
        *(stores[n % 2].increment(C, P, "a", "used", 3, ceiling=100) for n in range(60)), return_exceptions=True
    )

    assert sorted(outcome for outcome in outcomes if isinstance(outcome, int)) == list(range(3, 100, 3))
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 27


async def test_of_two_instances_only_one_creates_and_only_one_replaces_a_version(cosmos: CosmosLine) -> None:
    stores = [cosmos.store(), cosmos.store()]
    created = await asyncio.gather(*(store.create(C, P, {"id": "a"}) for store in stores), return_exceptions=True)
    (first,) = [outcome for outcome in created if isinstance(outcome, Document)]
    replaced = await asyncio.gather(
        *(store.replace(C, P, {"id": "a", "n": n}, first.etag) for n, store in enumerate(stores)),
        return_exceptions=True,
    )

    assert {type(outcome) for outcome in created} == {Document, DocumentExists}
    assert {type(outcome) for outcome in replaced} == {Document, PreconditionFailed}


async def test_request_units_and_time_are_told_by_operation(cosmos: CosmosLine) -> None:
    figures = Figures()
    store = cosmos.store(figures=figures)
    await store.create(C, P, {"id": "a"})
    with pytest.raises(DocumentExists):
        await store.create(C, P, {"id": "a"})
    assert await store.get(C, P, "nobody") is None
    await store.increment(C, P, "a", "n", 1)
    await store.query(C, P)
    await store.changes(C)
    await store.tip(C)

    operations = ("create", "create", "get", "increment", "query", "changes", "tip")
    assert [(operation, units > 0) for operation, units in figures.charges] == [(each, True) for each in operations]
    assert [(*what, seconds > 0) for *what, seconds in figures.times] == [(C, each, True) for each in operations]
    assert figures.throttlings == []
