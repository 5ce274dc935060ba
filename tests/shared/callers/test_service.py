"""A caller is found by his key in whichever header his SDK sends it, and told nothing that he did not know."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit.model import Actor
from shared.audit.store import AuditLog
from shared.callers.model import AddressRefused
from shared.callers.service import Callers
from shared.directory.changes import Put
from shared.directory.declared import DeclaredKey, FileDirectory
from shared.directory.key_lifecycle import minted
from shared.directory.model import Key, Role, Team
from shared.directory.service import Directory, DirectoryUnavailable
from shared.directory.store import DirectoryStore
from shared.identity.errors import TokenExpired, TokenNotMapped
from shared.identity.model import Identified
from shared.keys.errors import KeyDisabled, KeyExpired, KeyMissing, KeyRefused, KeyUnknown
from shared.keys.model import digest_of, mint
from shared.keys.service import KeyService
from tests.fakes import FakeClock, MemoryDocuments

PEPPER = b"pepper"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY, EXPIRING, DISABLED, OTHER, INSIDE = (mint() for _ in range(5))
KEYS = {
    KEY: Key(id="vk_1", owner="teams/research"),
    EXPIRING: Key(id="vk_2", owner="teams/research", expires_at=NOW + timedelta(hours=1)),
    DISABLED: Key(id="vk_3", owner="teams/research", disabled=True),
    OTHER: Key(id="vk_4", owner="teams/other"),
    INSIDE: Key(id="vk_5", owner="teams/other", cidrs=("10.0.0.0/8", "2001:db8::/32")),
}


FILE_KEYS = [DeclaredKey(key, digest_of(secret, PEPPER)) for secret, key in KEYS.items()]


class Door:
    """Callers on a store in memory, with keys from the configuration file."""

    def __init__(self, clock: FakeClock, pepper: bytes = PEPPER, proxies: int = 0) -> None:
        self.documents = MemoryDocuments(clock)
        declared = FileDirectory(
            [Team(id="research"), Team(id="other")],
            FILE_KEYS,
        )
        directory = Directory(self.documents, declared, clock)
        self.callers = Callers(directory, KeyService(directory, pepper), None, clock, proxies)

    async def identify(self, headers: dict[str, str], peer: str = "127.0.0.1") -> str:
        return (await self.callers.identify(headers, peer)).id


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def keys(clock: FakeClock) -> Door:
    return Door(clock)


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
async def test_a_known_key_is_found_in_every_header(keys: Door, headers: dict[str, str]) -> None:
    assert await keys.identify(headers) == "vk_1"


async def test_of_two_known_keys_the_bearer_token_decides(keys: Door) -> None:
    assert await keys.identify({"api-key": KEY, "authorization": f"Bearer {OTHER}"}) == "vk_4"


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
async def test_without_a_key_the_caller_is_told_where_to_put_one(keys: Door, headers: dict[str, str]) -> None:
    with pytest.raises(KeyMissing) as refused:
        await keys.identify(headers)

    assert refused.value.status == 401
    assert "api-key" in refused.value.message


async def test_an_unknown_key_is_refused(keys: Door) -> None:
    with pytest.raises(KeyUnknown) as refused:
        await keys.identify({"api-key": mint()})

    assert "mistyped" not in refused.value.message


async def test_a_mistyped_key_is_refused_as_such(keys: Door) -> None:
    wrong = KEY[:-1] + ("0" if KEY[-1] != "0" else "1")

    with pytest.raises(KeyUnknown, match="mistyped"):
        await keys.identify({"authorization": f"Bearer {wrong}"})


async def test_a_key_works_until_the_instant_at_which_it_expires(keys: Door, clock: FakeClock) -> None:
    clock.advance(3599.999)
    assert await keys.identify({"api-key": EXPIRING}) == "vk_2"

    clock.advance(0.001)
    with pytest.raises(KeyExpired):
        await keys.identify({"api-key": EXPIRING})


async def test_a_disabled_key_is_refused(keys: Door) -> None:
    with pytest.raises(KeyDisabled):
        await keys.identify({"x-api-key": DISABLED})


async def test_a_key_of_another_pepper_is_unknown(clock: FakeClock) -> None:
    with pytest.raises(KeyUnknown):
        await Door(clock, pepper=b"other").identify({"api-key": KEY})


async def test_a_digest_is_not_a_key(keys: Door) -> None:
    with pytest.raises(KeyUnknown):
        await keys.identify({"api-key": digest_of(KEY, PEPPER)})


values = st.text(min_size=4) | st.builds(mint) | st.text(min_size=4).map(lambda text: f"Bearer {text}")


@given(st.dictionaries(st.sampled_from(["authorization", "api-key", "x-api-key", "x-gateway-key"]), values))
async def test_a_refusal_never_repeats_what_was_sent(headers: dict[str, str]) -> None:
    with pytest.raises(KeyRefused) as refused:
        await Door(FakeClock(NOW)).identify(headers)

    said = f"{refused.value} {refused.value.message} {refused.value.headers} {refused.value.param}"
    known = f"{KeyMissing()} {KeyUnknown(is_mistyped=True)} {KeyUnknown()} {{}} None"
    assert all(word in known for word in said.split())


async def test_a_key_works_from_its_networks_alone(keys: Door) -> None:
    for address in ("10.1.2.3", "2001:db8::1", "::ffff:10.9.9.9"):
        assert await keys.identify({"api-key": INSIDE}, address) == "vk_5"

    for address in ("11.0.0.1", "2001:db9::1", "", "not an address"):
        with pytest.raises(AddressRefused):
            await keys.identify({"api-key": INSIDE}, address)


async def test_the_address_is_what_the_trusted_proxy_saw_and_not_what_the_caller_claims(clock: FakeClock) -> None:
    forged = {"api-key": INSIDE, "x-forwarded-for": "10.0.0.1, 93.184.216.34:51123"}

    with pytest.raises(AddressRefused):
        await Door(clock, proxies=1).identify(forged, "10.0.0.9")
    with pytest.raises(AddressRefused):
        await Door(clock).identify({"api-key": INSIDE, "x-forwarded-for": "10.0.0.1"}, "93.184.216.34")
    assert await Door(clock, proxies=2).identify(forged, "93.184.216.34") == "vk_5"
    assert (
        await Door(clock, proxies=1).identify({**forged, "x-forwarded-for": "[2001:db8::7]:443"}, "1.1.1.1") == "vk_5"
    )


async def test_an_outage_of_the_store_is_never_an_unknown_key(keys: Door, clock: FakeClock) -> None:
    keys.documents.is_down = True

    with pytest.raises(DirectoryUnavailable) as failure:
        await keys.identify({"api-key": mint()})

    assert failure.value.status == 503


async def test_a_known_caller_goes_on_through_five_minutes_of_outage(keys: Door, clock: FakeClock) -> None:
    await keys.identify({"api-key": KEY})
    keys.documents.is_down = True

    for _ in range(29):
        clock.advance(10)
        assert await keys.identify({"api-key": KEY}) == "vk_1"
    clock.advance(20)
    with pytest.raises(DirectoryUnavailable):
        await keys.identify({"api-key": KEY})


async def test_a_caller_is_charged_where_he_belongs(keys: Door) -> None:
    caller = await keys.callers.identify({"api-key": KEY}, "")

    assert (caller.team, caller.attribution.team, caller.attribution.key) == ("research", "research", "vk_1")
    assert caller.kind == "virtual_key"


class Racing(MemoryDocuments):
    """Lets something happen just after a key's document was read."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.meanwhile: Any = None

    async def get(self, container: str, partition: str, id: str) -> Any:
        found = await super().get(container, partition, id)
        if id.startswith("keys|") and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return found


async def test_a_key_that_is_disabled_while_it_is_read_stops_within_seconds(clock: FakeClock) -> None:
    documents = Racing(clock)
    store = DirectoryStore(documents, clock, AuditLog(documents, PEPPER))
    directory = Directory(documents, FileDirectory([Team(id="research")]), clock)
    callers = Callers(directory, KeyService(directory, PEPPER), None, clock)
    secret, put = minted(Key(id="vk_9", owner="teams/research"), PEPPER)

    async def commit(change: Put) -> None:
        async def plan() -> list[Put]:
            return [change]

        await store.commit(Actor("vk_a", "virtual_key"), "test", plan)

    async def disable() -> None:
        await commit(Put(Key(id="vk_9", owner="teams/research", disabled=True)))
        await directory.look()

    await commit(put)
    await directory.look()
    documents.meanwhile = disable

    await callers.identify({"api-key": secret}, "")

    with pytest.raises(KeyDisabled):
        await callers.identify({"api-key": secret}, "")


async def test_a_token_that_a_proxy_put_beside_a_good_key_does_no_harm(clock: FakeClock) -> None:
    class Refusing:
        def looks_like_token(self, secret: str) -> bool:
            return secret.count(".") == 2

        def cached(self, token: str) -> None:
            return None

        async def identify(self, token: str) -> None:
            raise TokenExpired

    directory = Directory(MemoryDocuments(clock), FileDirectory([Team(id="research")], FILE_KEYS), clock)
    callers = Callers(directory, KeyService(directory, PEPPER), cast("Any", Refusing()), clock)

    caller = await callers.identify({"authorization": "Bearer a.b.c", "api-key": KEY}, "")

    assert caller.id == "vk_1"
    with pytest.raises(TokenExpired):
        await callers.identify({"authorization": "Bearer a.b.c", "api-key": mint()}, "")


class Tokens:
    """Access tokens that are what they say: `a.b.c` names the bearer's role."""

    def __init__(self, owner: str) -> None:
        self._owner = owner

    def looks_like_token(self, secret: str) -> bool:
        return secret.count(".") == 2

    def cached(self, token: str) -> Identified:
        role, model = token.split(".")[:2]
        return Identified("entra_ada", self._owner, Role(role), ("*",), (model,), NOW + timedelta(hours=1), None)


def callers_with_tokens(clock: FakeClock, owner: str) -> Callers:
    directory = Directory(MemoryDocuments(clock), FileDirectory([Team(id="research")]), clock)
    return Callers(directory, KeyService(directory, PEPPER), cast("Any", Tokens(owner)), clock)


async def test_another_token_of_the_same_person_grants_what_it_says_and_no_more(clock: FakeClock) -> None:
    callers = callers_with_tokens(clock, "teams/research")

    strong = await callers.identify({"authorization": "Bearer platform_admin.*.x"}, "")
    weak = await callers.identify({"authorization": "Bearer developer.gpt-4o.x"}, "")

    assert (strong.role, weak.role) == (Role.PLATFORM_ADMIN, Role.DEVELOPER)
    assert strong.policy.admits("models", "gpt-5")
    assert not weak.policy.admits("models", "gpt-5")


async def test_a_person_whom_nobody_entered_is_a_user_of_the_team(clock: FakeClock) -> None:
    caller = await callers_with_tokens(clock, "teams/research/users/ada").identify({"api-key": "developer.*.x"}, "")

    assert (caller.attribution.team, caller.attribution.user) == ("research", "ada")


async def test_a_good_token_that_leads_to_a_team_which_is_not_there_is_told_so(clock: FakeClock) -> None:
    with pytest.raises(TokenNotMapped):
        await callers_with_tokens(clock, "teams/gone").identify({"api-key": "developer.*.x"}, "")


async def test_a_token_that_has_expired_is_told_as_a_token(clock: FakeClock) -> None:
    clock.advance(3600)

    with pytest.raises(TokenExpired):
        await callers_with_tokens(clock, "teams/research").identify({"api-key": "developer.*.x"}, "")
