"""A key has a form that shows typing mistakes, and is kept only as a keyed hash."""

import hashlib
import hmac
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.keys.model import digest_of, is_mistyped, mint

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
minted = st.builds(mint)


@given(minted)
def test_a_minted_key_has_its_form_and_its_checksum(secret: str) -> None:
    assert re.fullmatch(r"sk-[0-9A-Za-z]{49}", secret)
    assert not is_mistyped(secret)


def test_no_two_minted_keys_are_alike() -> None:
    assert len({mint() for _ in range(1000)}) == 1000


@given(minted, st.integers(3, 51), st.sampled_from(ALPHABET))
def test_any_single_wrong_character_is_noticed(secret: str, place: int, character: str) -> None:
    wrong = secret[:place] + character + secret[place + 1 :]

    assert is_mistyped(wrong) is (wrong != secret)


@given(minted, st.integers(3, 50))
def test_two_neighbours_that_change_places_are_noticed(secret: str, place: int) -> None:
    wrong = secret[:place] + secret[place + 1] + secret[place] + secret[place + 2 :]

    assert is_mistyped(wrong) is (wrong != secret)


@given(st.text())
def test_what_was_never_a_key_is_not_called_mistyped(text: str) -> None:
    if not re.fullmatch(r"(sk-)?\w{49}", text):
        assert not is_mistyped(text)
    assert is_mistyped(text) in (True, False)


@given(st.text(min_size=1), st.binary(max_size=40))
def test_a_digest_is_the_hmac_and_holds_nothing_of_the_secret(secret: str, pepper: bytes) -> None:
    digest = digest_of(secret, pepper)

    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert len(secret) < 8 or secret not in digest
    assert (
        digest == hmac.new(pepper, b"virtual key " + secret.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
    )


@given(minted, st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_another_pepper_gives_another_digest(secret: str, one: bytes, other: bytes) -> None:
    padded = one.ljust(64, b"\0") == other.ljust(64, b"\0")  # HMAC pads its key with zeros

    assert (digest_of(secret, one) == digest_of(secret, other)) is padded
