"""At most two secrets of a key work at any time, and an old one exactly as long as its grace."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.directory.changes import Put
from shared.directory.documents import KeyDigest, Stored
from shared.directory.key_lifecycle import SECRETS, minted, rotated
from shared.directory.model import Key
from shared.keys.model import digest_of, is_mistyped
from tests.shared.directory.desk import Desk

NOW, PEPPER = datetime(2026, 1, 1, tzinfo=UTC), b"pepper"
KEY = Key(id="vk_crawler", owner="teams/search/applications/crawler")


def stored(put: Put, etag: str = "1") -> Stored:
    return Stored(put.resource, etag, NOW, NOW, put.digests or (), put.hint)


def works(key: Stored | Put, secret: str, now: datetime) -> bool:
    return any(item.digest == digest_of(secret, PEPPER) and item.works(now) for item in key.digests or ())


def test_a_minted_key_is_new_and_keeps_of_its_secret_only_the_digest_and_the_beginning() -> None:
    secret, put = minted(KEY, PEPPER)

    assert put == Put(KEY, is_new=True, digests=(KeyDigest(digest_of(secret, PEPPER)),), hint=secret[:7])
    assert not is_mistyped(secret)
    assert secret not in repr(put)


def test_no_two_secrets_are_the_same() -> None:
    assert len({minted(KEY, PEPPER)[0] for _ in range(100)}) == 100


def test_after_a_rotation_the_new_secret_works_at_once_and_the_old_one_until_its_grace_ends() -> None:
    old, put = minted(KEY, PEPPER)
    new, put = rotated(stored(put, "7"), PEPPER, NOW, grace_s=60)

    assert put.if_match == "7"
    assert put.hint == new[:7]
    assert works(put, new, NOW)
    assert works(put, old, NOW + timedelta(seconds=59.999999))
    assert not works(put, old, NOW + timedelta(seconds=60))
    assert works(put, new, NOW + timedelta(days=10_000))


def test_a_rotation_without_grace_ends_the_old_secret_at_once() -> None:
    _, put = minted(KEY, PEPPER)
    new, put = rotated(stored(put), PEPPER, NOW, grace_s=0)

    assert put.digests == (KeyDigest(digest_of(new, PEPPER)),)


def test_a_rotation_does_not_prolong_what_was_to_end_earlier() -> None:
    ending = Stored(KEY, "1", NOW, NOW, (KeyDigest("a" * 64, NOW + timedelta(seconds=5)),))
    _, put = rotated(ending, PEPPER, NOW, grace_s=60)
    assert put.digests is not None
    assert put.digests[1:] == ending.digests

    _, put = rotated(ending, PEPPER, NOW + timedelta(seconds=5), grace_s=60)
    assert put.digests is not None
    assert len(put.digests) == 1


def test_a_rotation_that_is_repeated_ends_nothing_that_is_in_use() -> None:
    first, put = minted(KEY, PEPPER)
    second, put = rotated(stored(put), PEPPER, NOW, grace_s=3600)
    third, put = rotated(stored(put), PEPPER, NOW, grace_s=3600)

    assert [works(put, secret, NOW) for secret in (first, second, third)] == [True, True, True]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=8))
def test_an_older_secret_works_exactly_until_the_shortest_grace_that_it_was_given(
    rotations: list[tuple[int, int]],
) -> None:
    now = NOW
    newest, put = minted(KEY, PEPPER)
    ends: list[tuple[str, float]] = []
    for wait_s, grace_s in rotations:
        now += timedelta(seconds=wait_s)
        end = (now - NOW).total_seconds() + grace_s
        older = [(secret, min(until, end)) for secret, until in [(newest, end), *ends]]
        ends = [(secret, until) for secret, until in older if until > (now - NOW).total_seconds()][: SECRETS - 1]
        newest, put = rotated(stored(put), PEPPER, now, grace_s)
        assert len(put.digests or ()) <= SECRETS
        for later_s in range(0, 101, 5):
            later = now + timedelta(seconds=later_s)
            at = (later - NOW).total_seconds()
            assert works(put, newest, later)
            assert all(works(put, secret, later) is (at < until) for secret, until in ends)


async def test_the_life_of_a_key_in_the_store(desk: Desk) -> None:
    first, put = minted(KEY, PEPPER)
    (key,) = await desk.commit(put)
    assert key is not None
    second, put = rotated(key, PEPPER, desk.clock.now(), 60)
    (key,) = await desk.commit(put)
    assert key is not None
    (key,) = await desk.commit(Put(key.resource.model_copy(update={"disabled": True}), if_match=key.etag))

    assert key is not None
    assert key.resource == KEY.model_copy(update={"disabled": True})
    assert [works(key, secret, desk.clock.now()) for secret in (first, second)] == [True, True]
    assert key.hint == second[:7]
