"""Names come from the file and from the directory, and only those that are asked for."""

from shared.audit.model import Actor, Chain
from shared.directory.changes import Change, Put
from shared.directory.declared import FileDirectory
from shared.directory.model import Area, Team
from shared.directory.store import DirectoryStore
from shared.jobs.names import DirectoryNames
from tests.fakes import FakeClock, MemoryDocuments


async def test_names_come_from_the_file_and_from_the_directory() -> None:
    clock = FakeClock()
    store = DirectoryStore(MemoryDocuments(clock), clock, Chain(b"pepper"))

    async def plan() -> list[Change]:
        teams = [Team(id="search", name="Search & Discovery"), Team(id="ops"), Team(id="other", name="Others")]
        return [Put(team) for team in teams]

    await store.commit(Actor("root", "virtual_key"), "create", plan)
    names = DirectoryNames(store, FileDirectory([Area(id="retail", name="Retail")]))

    found = await names.of(["teams/search", "teams/ops", "areas/retail", "teams/gone"])

    assert found == {"teams/search": "Search & Discovery", "areas/retail": "Retail"}
