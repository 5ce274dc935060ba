"""An export counts once; a later one of the same month takes its place."""

from collections import Counter
from datetime import date
from io import BytesIO

import pytest

from shared.documents import StoreUnavailable
from shared.ledger.model import CONTAINER
from shared.reconciliation import azure_costs
from shared.reconciliation.azure_costs import AzureCost, AzureCostStore, AzureImport, parse_export
from shared.reconciliation.azure_export import ExportInvalid
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Dying, Watched, port

HEADER = "Date,Meter,Cost,Currency,Quantity,UnitOfMeasure,Tags\n"


def export(*lines: str) -> BytesIO:
    return BytesIO((HEADER + "".join(f"{line}\n" for line in lines)).encode())


def line(day: str = "11/03/2026", cost: str = "1.5", deployment: str = "east", meter: str = "Tokens") -> str:
    return f'{day},{meter},{cost},USD,2,1K,"""deployment"": ""{deployment}"""'


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments()


@pytest.fixture
def store(documents: MemoryDocuments) -> AzureCostStore:
    return AzureCostStore(documents, FakeClock())


async def kept(store: AzureCostStore, *lines: str) -> list[AzureImport]:
    return await store.keep(*parse_export(export(*lines)), "ada")


async def costs(
    store: AzureCostStore, month: str = "2026-11"
) -> dict[tuple[str | None, str | None], tuple[AzureCost, ...]]:
    found = await store.current(month)
    return {place: lines async for place, lines in store.costs(found)} if found else {}


async def test_costs_are_summed_by_deployment_day_and_meter(store: AzureCostStore) -> None:
    imported = await kept(
        store, line(), line(cost="0.0000000005"), line(cost="0.0000000005"), line("2026-11-04"), line(deployment="b")
    )

    assert await costs(store) == {
        (None, "east"): (
            AzureCost(date(2026, 11, 3), "Tokens", "usage", "USD", 1_500_000_001, 6_000_000),
            AzureCost(date(2026, 11, 4), "Tokens", "usage", "USD", 1_500_000_000, 2_000_000),
        ),
        (None, "b"): (AzureCost(date(2026, 11, 3), "Tokens", "usage", "USD", 1_500_000_000, 2_000_000),),
    }
    assert [(each.lines, each.first, each.last, each.cost) for each in imported] == [
        (5, date(2026, 11, 3), date(2026, 11, 4), {"USD": 4_500_000_001})
    ]


async def test_the_same_file_again_changes_nothing(store: AzureCostStore, documents: MemoryDocuments) -> None:
    first = await kept(store, line())
    tip = await documents.tip(CONTAINER)

    assert await kept(store, line()) == first
    assert await documents.tip(CONTAINER) == tip


async def test_a_later_export_takes_the_place_of_the_earlier(store: AzureCostStore, documents: MemoryDocuments) -> None:
    await kept(store, line(), line(deployment="gone"), line("12/01/2026"))
    await kept(store, line(cost="2"))

    assert {place: lines[0].cost for place, lines in (await costs(store)).items()} == {(None, "east"): 2_000_000_000}
    assert len(await costs(store, "2026-12")) == 1
    assert len((await documents.query(CONTAINER, "azure|2026-11")).documents) == 2


@pytest.mark.parametrize("at", range(1, 8))
@pytest.mark.parametrize("carries_out", [False, True])
async def test_an_import_that_is_killed_leaves_the_one_before_or_the_new_one(at: int, carries_out: bool) -> None:
    documents = MemoryDocuments()
    await kept(AzureCostStore(documents, FakeClock()), line(), line(deployment="b"))
    dying = AzureCostStore(port(Dying(documents, at, carries_out=carries_out)), FakeClock())
    new = (line(cost="2"), line(deployment="b", cost="2"))
    try:
        await kept(dying, *new)
    except StoreUnavailable:
        sums = {lines[0].cost for lines in (await costs(AzureCostStore(documents, FakeClock()))).values()}
        assert sums in ({1_500_000_000}, {2_000_000_000})
    store = AzureCostStore(documents, FakeClock())
    await kept(store, *new)
    assert {lines[0].cost for lines in (await costs(store)).values()} == {2_000_000_000}


async def test_many_lines_of_one_deployment_stand_in_several_documents(
    store: AzureCostStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_costs, "_IN_DOCUMENT", 2)
    await kept(store, *(line(meter=f"m{number}") for number in range(5)))
    found = await store.current("2026-11")
    assert found is not None
    assert [len(lines) async for _, lines in store.costs(found)] == [2, 2, 1]


async def test_a_hundred_deployments_are_written_and_removed_at_once(documents: MemoryDocuments) -> None:
    watched = Watched(documents)
    store = AzureCostStore(port(watched), FakeClock())
    await kept(store, *(line(deployment=f"d{number}") for number in range(250)))
    await kept(store, line())

    assert Counter(watched.calls) == {"get": 2, "batch": 3 + 1 + 3, "create": 1, "replace": 1, "query": 4}
    assert len((await documents.query(CONTAINER, "azure|2026-11")).documents) == 2


async def test_no_more_lines_are_written_at_once_than_one_document_takes(
    documents: MemoryDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_costs, "_IN_DOCUMENT", 3)
    watched = Watched(documents)
    store = AzureCostStore(port(watched), FakeClock())
    await kept(store, *(line(deployment=f"d{deployment}", meter=f"m{n}") for deployment in range(3) for n in range(2)))

    assert watched.calls.count("batch") == 3
    assert len(await costs(store)) == 3


async def test_what_another_import_removes_meanwhile_is_gone_all_the_same(documents: MemoryDocuments) -> None:
    earlier = AzureCostStore(documents, FakeClock())
    await kept(earlier, line(deployment="a"), line(deployment="b"))
    gone = str((await documents.query(CONTAINER, "azure|2026-11")).documents[0].body["id"])

    class Racing(Watched):
        async def after(self, name: str) -> None:
            if name == "query":
                await documents.delete(CONTAINER, "azure|2026-11", gone)

    await kept(AzureCostStore(port(Racing(documents)), FakeClock()), line(cost="2"))

    assert gone.startswith("costs|")
    assert len((await documents.query(CONTAINER, "azure|2026-11")).documents) == 2


def test_a_file_without_lines_is_refused() -> None:
    with pytest.raises(ExportInvalid, match="no lines"):
        parse_export(export())


def test_a_file_with_too_many_sums_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_costs, "MOST_GROUPS", 3)
    with pytest.raises(ExportInvalid, match="too many"):
        parse_export(export(*(line(meter=f"m{number}") for number in range(4))))
