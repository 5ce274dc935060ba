"""Who is signed in at the console: a random token in a cookie, of which only a digest is kept, and the key behind it."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.callers.model import Caller
from shared.clock import Clock
from shared.directory.declared import FileDirectory
from shared.directory.store import DirectoryStore
from shared.documents import DocumentStore
from shared.errors import GatewayError
from shared.keys.model import digest_of
from shared.management.authority import TEAM_READERS
from shared.management.ports import Callers

CONTAINER = "sign-ins"
HOURS = 12
COOKIE = "__Host-tollgate"
"""The prefix makes browsers refuse it unless it is Secure, for this host alone and for every path."""

LOCAL_COOKIE = "tollgate"
"""For plain http to this machine, where not every browser keeps a Secure cookie."""

_BYTES = 32
_TOKEN_LENGTH = len(secrets.token_urlsafe(_BYTES))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A visitor whose key was good a moment ago; `token` is what his browser holds."""

    caller: Caller
    token: str


class NotForOperators(Exception):
    """The key is good, but it is not one that may see these pages."""


class SignIns:
    """Every method raises StoreUnavailable, and GatewayError where the key itself is refused."""

    def __init__(
        self,
        documents: DocumentStore,
        directory: DirectoryStore,
        declared: FileDirectory,
        callers: Callers,
        clock: Clock,
        pepper: bytes,
    ) -> None:
        self._documents, self._directory, self._declared = documents, directory, declared
        self._callers, self._clock = callers, clock
        self._pepper = pepper
        self._forms = hmac.digest(pepper, b"tollgate console forms", hashlib.sha256)

    async def sign_in(self, key: str, headers: dict[str, str], address: str) -> SignedIn:
        """Return a new sign-in for who holds the key. Raises KeyRefused, AddressRefused and NotForOperators.

        `headers` are those of the request, of which none but the proxies' count beside the key.
        """
        sent = {name: value for name, value in headers.items() if name == "x-forwarded-for"}
        caller = await self._callers.identify({**sent, "authorization": f"Bearer {key}"}, address)
        if caller.kind != "virtual_key" or caller.role not in TEAM_READERS:
            raise NotForOperators
        token = secrets.token_urlsafe(_BYTES)
        ends_at = self._clock.now() + timedelta(hours=HOURS)
        body = {
            "schema": 1,
            "id": _digest(token),
            "key": caller.id,
            "secret": digest_of(key, self._pepper),
            "ends_at": ends_at.isoformat(),
        }
        await self._documents.create(CONTAINER, CONTAINER, body, ttl_s=HOURS * 3600)
        return SignedIn(caller, token)

    async def find(self, token: str, address: str) -> SignedIn | None:
        """Return who holds the token, if his key may still do what it could: it is asked for anew each time."""
        if len(token) != _TOKEN_LENGTH:
            return None
        document = await self._documents.get(CONTAINER, CONTAINER, _digest(token))
        if document is None or self._clock.now() >= datetime.fromisoformat(str(document.body["ends_at"])):
            return None
        key = str(document.body["key"])
        caller = await self._callers.by_id(key)
        if caller is None or caller.role not in TEAM_READERS or not await self._has(key, str(document.body["secret"])):
            return None
        try:
            return SignedIn(caller.check(address, self._clock.now()), token)
        except GatewayError:
            return None

    async def sign_out(self, token: str) -> None:
        await self._documents.delete(CONTAINER, CONTAINER, _digest(token))

    def form_token(self, token: str) -> str:
        """Return what forms carry, so that no other site can send them."""
        return hmac.digest(self._forms, token.encode(), hashlib.sha256).hex()

    def is_form_token(self, token: str, sent: str) -> bool:
        return hmac.compare_digest(self.form_token(token).encode(), sent.encode())

    async def _has(self, key: str, digest: str) -> bool:
        """Whether the secret that was signed in with is still one of the key's: a rotation ends what the old one began.

        A key that is not stored is one of the configuration file, whose secret may be another since the last start.
        """
        stored = await self._directory.get(f"keys/{key}")
        if stored is None:
            declared = self._declared.key(digest)
            return declared is not None and declared.id == key
        now = self._clock.now()
        return any(
            hmac.compare_digest(item.digest, digest) and (item.until is None or now < item.until)
            for item in stored.digests
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
