"""A key's secrets over time: minted once, and rotated with a grace period in which the old one works too."""

from datetime import datetime, timedelta

from shared.directory.changes import Put
from shared.directory.documents import KeyDigest, Stored
from shared.directory.model import Key
from shared.keys.model import digest_of, mint

HINT = len("sk-AbCd")
SECRETS = 4
"""Secrets of one key that may work at the same time."""


def minted(key: Key, pepper: bytes) -> tuple[str, Put]:
    """Return a new key's secret, which is not kept, and the change that creates the key."""
    secret = mint()
    return secret, Put(key, is_new=True, digests=(KeyDigest(digest_of(secret, pepper)),), hint=secret[:HINT])


def rotated(stored: Stored, pepper: bytes, now: datetime, grace_s: float) -> tuple[str, Put]:
    """Return a new secret and the change that makes it work at once, and those before it for `grace_s` more seconds at most.

    So a rotation that is repeated because its answer was lost ends nothing that is in use. The newest comes first in what is
    stored, and of many rotations within the grace period the oldest secrets are dropped.
    """
    secret, end = mint(), now + timedelta(seconds=grace_s)
    ending = [KeyDigest(item.digest, min(item.until or end, end)) for item in stored.digests]
    working = [item for item in ending if item.works(now)][: SECRETS - 1]
    digests = (KeyDigest(digest_of(secret, pepper)), *working)
    return secret, Put(stored.resource, if_match=stored.etag, digests=digests, hint=secret[:HINT])
