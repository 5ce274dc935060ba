"""A caller is found by his key in whichever header his SDK sends it, and told nothing that he did not know."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keys.errors import KeyDisabled, KeyExpired, KeyMissing, KeyRefused, KeyUnknown
from shared.keys.model import VirtualKey, digest_of, mint
from shared.keys.service import KeyService, presented_keys
from tests.fakes import FakeClock

PEPPER = b"pepper"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY, EXPIRING, DISABLED, OTHER = (mint() for _ in range(4))
KEYS = [
    VirtualKey("vk_1", "research", digest_of(KEY, PEPPER)),
    VirtualKey("vk_2", "research", digest_of(EXPIRING, PEPPER), expires_at=NOW + timedelta(hours=1)),
    VirtualKey("vk_3", "research", digest_of(DISABLED, PEPPER), disabled=True),
    VirtualKey("vk_4", "other", digest_of(OTHER, PEPPER)),
]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def keys(clock: FakeClock) -> KeyService:
    return KeyService(KEYS, PEPPER, clock)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": f"BEARER   {KEY} "},
        {"api-key": KEY},
        {"x-gateway-key": KEY},
        {"x-api-key": KEY},
        {"authorization": "Bearer placeholder", "api-key": KEY},
        {"authorization": f"Bearer {KEY}", "api-key": "placeholder"},
        {"x-api-key": "dummy", "x-gateway-key": KEY},
        {"authorization": "Basic dXNlcjpwYXNz", "api-key": KEY},
        {"authorization": "", "api-key": KEY},
        {"authorization": "Bearer ", "x-api-key": KEY},
        {"authorization": f"Bearer {KEY}", "api-key": KEY},
    ],
)
def test_a_known_key_is_found_in_every_header(keys: KeyService, headers: dict[str, str]) -> None:
    assert keys.identify(headers).id == "vk_1"


def test_of_two_known_keys_the_bearer_token_decides(keys: KeyService) -> None:
    assert keys.identify({"api-key": KEY, "authorization": f"Bearer {OTHER}"}).id == "vk_4"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer  "},
        {"authorization": KEY},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"api-key": ""},
        {"x-key": KEY},
    ],
)
def test_without_a_key_the_caller_is_told_where_to_put_one(keys: KeyService, headers: dict[str, str]) -> None:
    with pytest.raises(KeyMissing) as refused:
        keys.identify(headers)

    assert refused.value.status == 401
    assert "api-key" in refused.value.message


def test_an_unknown_key_is_refused(keys: KeyService) -> None:
    with pytest.raises(KeyUnknown) as refused:
        keys.identify({"api-key": mint()})

    assert "mistyped" not in refused.value.message


def test_a_mistyped_key_is_refused_as_such(keys: KeyService) -> None:
    wrong = KEY[:-1] + ("0" if KEY[-1] != "0" else "1")

    with pytest.raises(KeyUnknown, match="mistyped"):
        keys.identify({"authorization": f"Bearer {wrong}"})


def test_a_key_works_until_the_instant_at_which_it_expires(keys: KeyService, clock: FakeClock) -> None:
    clock.advance(3599.999)
    assert keys.identify({"api-key": EXPIRING}).id == "vk_2"

    clock.advance(0.001)
    with pytest.raises(KeyExpired):
        keys.identify({"api-key": EXPIRING})


def test_a_disabled_key_is_refused(keys: KeyService) -> None:
    with pytest.raises(KeyDisabled):
        keys.identify({"x-api-key": DISABLED})


def test_a_key_of_another_pepper_is_unknown(clock: FakeClock) -> None:
    with pytest.raises(KeyUnknown):
        KeyService(KEYS, b"other", clock).identify({"api-key": KEY})


def test_a_digest_is_not_a_key(keys: KeyService) -> None:
    with pytest.raises(KeyUnknown):
        keys.identify({"api-key": KEYS[0].digest})


values = st.text(min_size=4) | st.builds(mint) | st.text(min_size=4).map(lambda text: f"Bearer {text}")


@given(st.dictionaries(st.sampled_from(["authorization", "api-key", "x-api-key", "x-gateway-key"]), values))
def test_a_refusal_never_repeats_what_was_sent(headers: dict[str, str]) -> None:
    with pytest.raises(KeyRefused) as refused:
        KeyService(KEYS, PEPPER, FakeClock(NOW)).identify(headers)

    said = f"{refused.value} {refused.value.message} {refused.value.headers} {refused.value.param}"
    known = f"{KeyMissing()} {KeyUnknown(is_mistyped=True)} {KeyUnknown()} {{}} None"
    assert all(word in known for word in said.split())


def test_the_service_keeps_no_secret(keys: KeyService) -> None:
    kept = repr([getattr(keys, name) for name in vars(keys)])

    assert all(secret not in kept for secret in (KEY, EXPIRING, DISABLED, OTHER))


def test_each_key_is_tried_once_in_a_fixed_order() -> None:
    headers = {"x-api-key": "d", "api-key": "c", "x-gateway-key": "b", "authorization": "Bearer a"}

    assert presented_keys(headers) == ["a", "b", "c", "d"]
    assert presented_keys({"authorization": "Bearer a", "api-key": "a"}) == ["a"]
