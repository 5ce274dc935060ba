"""A Cosmos DB account for all adapter tests, with a database of its own for each."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.peers.cosmos import CosmosPeer, NpmMissing, cosmos_peer
from tests.shared.adapters.cosmos_line import CosmosLine


@pytest.fixture(scope="session")
def cosmos_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosmosPeer]:
    try:
        with cosmos_peer(tmp_path_factory.mktemp("cosmos")) as peer:
            yield peer
    except NpmMissing as reason:
        pytest.skip(str(reason))


@pytest.fixture
async def cosmos(cosmos_account: CosmosPeer) -> AsyncIterator[CosmosLine]:
    cosmos_account.mend()
    line = CosmosLine(cosmos_account, str(uuid.uuid4()))
    yield line
    cosmos_account.mend()
    await line.close()
