import base64
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.key_vault import SecretResolver
from shared.adapters.stored_secrets import CONTAINER, PARTITION, StoredSecrets
from shared.documents import StoreUnavailable
from shared.providers.port import SecretUnavailable
from tests.fakes import FakeClock, MemoryDocuments

PEPPER = b"a pepper of the test"
CANARY = "canary-7f3a9c51-do-not-show"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


@pytest.fixture
def stored(documents: MemoryDocuments, clock: FakeClock) -> StoredSecrets:
    return StoredSecrets(documents, PEPPER, clock)


@pytest.fixture
def resolver(stored: StoredSecrets, clock: FakeClock) -> SecretResolver:
    return SecretResolver({}, in_azure=False, clock=clock, stored=stored)


async def revealed(stored: StoredSecrets, name: str) -> str | None:
    secret = await stored.reveal(name)
    return secret.reveal() if secret else None


async def body(documents: MemoryDocuments, name: str) -> dict[str, Any]:
    document = await documents.get(CONTAINER, PARTITION, name)
    assert document is not None
    return dict(document.body)


async def test_what_was_put_is_revealed(stored: StoredSecrets) -> None:
    await stored.put("upstream", CANARY)
    await stored.put("other", "x")
    await stored.put("other", "y ☃")

    assert await revealed(stored, "upstream") == CANARY
    assert await revealed(stored, "other") == "y ☃"
    assert await revealed(stored, "nothing") is None


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
async def test_every_text_comes_back_as_it_was(value: str) -> None:
    stored = StoredSecrets(MemoryDocuments(), PEPPER, FakeClock())
    await stored.put("upstream", value)

    assert await revealed(stored, "upstream") == value


async def test_a_later_instance_with_the_same_pepper_reveals_it(documents: MemoryDocuments, clock: FakeClock) -> None:
    await StoredSecrets(documents, PEPPER, clock).put("upstream", CANARY)

    assert await revealed(StoredSecrets(documents, PEPPER, clock), "upstream") == CANARY


async def test_names_are_listed_however_many_there_are(stored: StoredSecrets) -> None:
    names = [f"secret-{n:03}" for n in range(230)]
    for name in reversed(names):
        await stored.put(name, "x")

    assert await stored.names() == tuple(names)


async def test_a_deleted_secret_is_gone(stored: StoredSecrets) -> None:
    await stored.put("upstream", CANARY)

    assert await stored.delete("upstream") is True
    assert await stored.delete("upstream") is False
    assert await revealed(stored, "upstream") is None
    assert await stored.names() == ()


async def test_the_value_appears_nowhere_in_the_stored_document(
    stored: StoredSecrets, documents: MemoryDocuments
) -> None:
    await stored.put("upstream", CANARY)
    kept = await body(documents, "upstream")

    assert set(kept) == {"schema", "id", "nonce", "sealed", "updated_at"}
    for trace in traces(CANARY):
        assert trace not in str(kept)


def traces(value: str) -> Iterator[str]:
    """The value and its parts, as text and in the encodings that hide least."""
    for part in (value, *value.split("-")):
        if len(part) > 3:
            yield part
            yield part.encode().hex()
            yield base64.b64encode(part.encode()).decode().rstrip("=")[:-1]


async def test_the_same_value_is_never_sealed_the_same_way(stored: StoredSecrets, documents: MemoryDocuments) -> None:
    sealed = set()
    for _ in range(50):
        await stored.put("upstream", CANARY)
        kept = await body(documents, "upstream")
        sealed |= {kept["nonce"], kept["sealed"]}

    assert len(sealed) == 100


async def test_another_pepper_reveals_nothing(documents: MemoryDocuments, clock: FakeClock) -> None:
    await StoredSecrets(documents, PEPPER, clock).put("upstream", CANARY)

    with pytest.raises(SecretUnavailable, match=r"db://upstream: .*another pepper"):
        await StoredSecrets(documents, b"another", clock).reveal("upstream")


@pytest.mark.parametrize("field", ["nonce", "sealed"])
async def test_a_single_altered_bit_is_noticed(stored: StoredSecrets, documents: MemoryDocuments, field: str) -> None:
    await stored.put("upstream", CANARY)
    kept = await body(documents, "upstream")
    raw = base64.b64decode(kept[field])
    for place in range(len(raw)):
        altered = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        await documents.upsert(CONTAINER, PARTITION, {**kept, field: base64.b64encode(altered).decode()})
        with pytest.raises(SecretUnavailable, match="altered"):
            await stored.reveal("upstream")


@pytest.mark.parametrize("broken", [None, "", "AAAA", "not base64 ☃", 7])
@pytest.mark.parametrize("field", ["nonce", "sealed"])
async def test_a_broken_document_is_unavailable(
    stored: StoredSecrets, documents: MemoryDocuments, field: str, broken: object
) -> None:
    await stored.put("upstream", CANARY)
    kept = await body(documents, "upstream")
    await documents.upsert(CONTAINER, PARTITION, {**kept, field: broken})
    with pytest.raises(SecretUnavailable):
        await stored.reveal("upstream")
    del kept[field]
    await documents.upsert(CONTAINER, PARTITION, kept)
    with pytest.raises(SecretUnavailable):
        await stored.reveal("upstream")


async def test_a_value_cannot_be_given_the_name_of_another(stored: StoredSecrets, documents: MemoryDocuments) -> None:
    await stored.put("test", "worthless")
    await stored.put("production", CANARY)
    await documents.upsert(CONTAINER, PARTITION, {**await body(documents, "production"), "id": "test"})

    with pytest.raises(SecretUnavailable, match="altered"):
        await stored.reveal("test")


@pytest.mark.parametrize("name", ["", ".hidden", "a b", "a/b", "x" * 65, "ä", "a\n"])
async def test_odd_names_are_refused(stored: StoredSecrets, name: str) -> None:
    with pytest.raises(ValueError, match="name of a secret"):
        await stored.put(name, CANARY)


async def test_an_empty_value_is_refused(stored: StoredSecrets) -> None:
    with pytest.raises(ValueError, match="empty"):
        await stored.put("upstream", "")


async def test_a_store_that_is_down_is_told(stored: StoredSecrets, documents: MemoryDocuments) -> None:
    documents.is_down = True

    with pytest.raises(StoreUnavailable):
        await stored.reveal("upstream")


async def test_a_reference_to_a_stored_secret_resolves(resolver: SecretResolver, stored: StoredSecrets) -> None:
    await stored.put("up.stream_1", CANARY)

    assert (await resolver.resolve("db://up.stream_1")).reveal() == CANARY


async def test_a_stored_secret_is_kept_for_five_minutes_or_until_it_is_refused(
    resolver: SecretResolver, stored: StoredSecrets, clock: FakeClock
) -> None:
    await stored.put("upstream", "first")
    await resolver.resolve("db://upstream")
    await stored.put("upstream", "second")
    clock.advance(299)
    assert (await resolver.resolve("db://upstream")).reveal() == "first"
    clock.advance(1)
    assert (await resolver.resolve("db://upstream")).reveal() == "second"
    await stored.put("upstream", "third")
    resolver.invalidate("db://upstream")

    assert (await resolver.resolve("db://upstream")).reveal() == "third"


async def test_while_the_store_is_down_a_kept_secret_serves(
    resolver: SecretResolver, stored: StoredSecrets, documents: MemoryDocuments
) -> None:
    await stored.put("upstream", CANARY)
    await resolver.resolve("db://upstream")
    documents.is_down = True

    assert (await resolver.resolve("db://upstream")).reveal() == CANARY
    with pytest.raises(SecretUnavailable, match="db://other: the store did not give it"):
        await resolver.resolve("db://other")


async def test_a_missing_stored_secret_is_named_and_found_once_it_is_there(
    resolver: SecretResolver, stored: StoredSecrets
) -> None:
    with pytest.raises(SecretUnavailable, match="db://upstream: there is no such secret"):
        await resolver.resolve("db://upstream")
    await stored.put("upstream", CANARY)

    assert (await resolver.resolve("db://upstream")).reveal() == CANARY


async def test_a_tampered_secret_does_not_resolve(
    resolver: SecretResolver, stored: StoredSecrets, documents: MemoryDocuments
) -> None:
    await stored.put("upstream", CANARY)
    await documents.upsert(CONTAINER, PARTITION, {**await body(documents, "upstream"), "sealed": "AAAA"})

    with pytest.raises(SecretUnavailable, match="db://upstream") as caught:
        await resolver.resolve("db://upstream")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("ref", ["db://", "db://a/b", "db://.a", "db://a b", "db://" + "x" * 65, "db://a\n"])
async def test_what_is_no_reference_to_a_stored_secret_is_refused(resolver: SecretResolver, ref: str) -> None:
    with pytest.raises(SecretUnavailable, match="nor db://name"):
        await resolver.resolve(ref)


async def test_without_stored_secrets_their_references_do_not_resolve() -> None:
    with pytest.raises(SecretUnavailable, match="db://upstream: stored secrets cannot be used here"):
        await SecretResolver({}, in_azure=False).resolve("db://upstream")
