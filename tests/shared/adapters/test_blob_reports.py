from collections.abc import AsyncIterator

import pytest

from shared.adapters.blob_reports import SCOPE, BlobReports
from shared.finance.ports import ReportExists, StorageUnavailable
from shared.providers.port import CredentialUnavailable
from tests.peers.blob import PASSES, BlobPeer, blob_peer
from tests.shared.adapters.report_storage_contract import CSV, ReportStorageContract, pieces

BLOCK = 1024


class Tokens:
    """Hands out what it is given; `stale` is what a cache still holds."""

    def __init__(self, token: str) -> None:
        self.token, self.stale, self.scopes = token, None, set[str]()
        self.is_down = False

    stale: str | None

    def cached(self, scope: str, client_id: str | None = None) -> str | None:
        return self.stale

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        if self.is_down:
            raise CredentialUnavailable("ClientAuthenticationError")
        self.scopes.add(scope)
        return self.token

    def invalidate(self, refused: str, scope: str, client_id: str | None = None) -> None:
        if refused == self.stale:
            self.stale = None

    async def close(self) -> None:
        pass


@pytest.fixture
async def peer() -> AsyncIterator[BlobPeer]:
    async with blob_peer() as started:
        yield started


@pytest.fixture
def tokens(peer: BlobPeer) -> Tokens:
    return Tokens(peer.token)


@pytest.fixture
async def storage(peer: BlobPeer, tokens: Tokens) -> AsyncIterator[BlobReports]:
    reports = BlobReports(peer.url, tokens, first_delay_s=0, block=BLOCK)
    yield reports
    await reports.close()


class TestBlobReports(ReportStorageContract):
    pass


async def test_a_small_file_is_one_request_with_its_type(peer: BlobPeer, storage: BlobReports, tokens: Tokens) -> None:
    await storage.write("a/b.csv", b"x", CSV)

    assert peer.requests == [("PUT", "")]
    assert peer.blobs["a/b.csv"].content_type == CSV
    assert tokens.scopes == {SCOPE}


async def test_a_large_file_is_sent_in_blocks(peer: BlobPeer, storage: BlobReports) -> None:
    await storage.write("a/b.csv", pieces(b"x" * 2500), CSV)

    assert peer.requests == [("PUT", "block")] * 3 + [("PUT", "blocklist")]
    assert peer.blobs["a/b.csv"].content == b"x" * 2500


@pytest.mark.parametrize("size", [10, 3000])
@pytest.mark.parametrize("fault", [0, 500, 503, 429])
async def test_a_passing_fault_at_any_request_is_outlived(
    peer: BlobPeer, storage: BlobReports, size: int, fault: int
) -> None:
    for at in range(4):
        peer.faults = [*[PASSES] * at, fault]
        await storage.write(f"a/{at}.csv", b"x" * size, CSV)

        assert peer.blobs[f"a/{at}.csv"].content == b"x" * size


async def test_a_write_whose_answer_was_lost_is_known_for_our_own(peer: BlobPeer, storage: BlobReports) -> None:
    peer.faults = [0]

    await storage.write("a/b.csv", b"mine", CSV)

    assert peer.requests == [("PUT", ""), ("PUT", ""), ("HEAD", "")]
    with pytest.raises(ReportExists):
        await storage.write("a/b.csv", b"mine", CSV)


async def test_a_storage_account_that_stays_away_is_our_own_trouble(peer: BlobPeer, storage: BlobReports) -> None:
    peer.faults = [503] * 50

    with pytest.raises(StorageUnavailable, match="status 503"):
        await storage.write("a/b.csv", b"", CSV)
    with pytest.raises(StorageUnavailable):
        await storage.read("a/b.csv")


async def test_nobody_listening_is_our_own_trouble(tokens: Tokens) -> None:
    reports = BlobReports("http://127.0.0.1:1/reports", tokens, first_delay_s=0)

    with pytest.raises(StorageUnavailable, match="does not answer"):
        await reports.list("")
    await reports.close()


async def test_a_refusal_names_its_code_and_no_token(peer: BlobPeer, storage: BlobReports) -> None:
    peer.faults = [403]

    with pytest.raises(StorageUnavailable, match="status 403 ServerBusy") as refused:
        await storage.write("a/b.csv", b"", CSV)
    assert peer.token not in str(refused.value)


async def test_a_token_that_is_refused_is_renewed_once(peer: BlobPeer, storage: BlobReports, tokens: Tokens) -> None:
    tokens.stale = "an old one"

    await storage.write("a/b.csv", b"x", CSV)

    assert peer.blobs["a/b.csv"].content == b"x"
    assert tokens.stale is None


async def test_without_a_token_the_storage_is_unavailable(storage: BlobReports, tokens: Tokens) -> None:
    tokens.is_down = True

    with pytest.raises(StorageUnavailable, match="no access token"):
        await storage.read("a/b.csv")
