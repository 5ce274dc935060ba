"""What a command is told by its surroundings: the only module that reads the environment and the clock."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cli.errors import misused

DEFAULT_URL = "http://127.0.0.1:7071"
_MOST_KEY_CHARACTERS = 16_384


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the gateway is, and with what to call it: `key`, or an access token for `entra_scope`."""

    url: str
    key: str | None = field(repr=False)
    entra_scope: str | None = None

    @property
    def is_local(self) -> bool:
        return is_loopback(urlsplit(self.url).hostname or "")

    @classmethod
    def gather(
        cls,
        *,
        url: str | None = None,
        key_file: str | None = None,
        entra_scope: str | None = None,
        allows_http: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> "Settings":
        """Raises Misused."""
        env = os.environ if environment is None else environment
        named = "--url" if url else "TOLLGATE_URL"
        address = _checked(named, url or env.get("TOLLGATE_URL") or DEFAULT_URL, allows_http=allows_http)
        if entra_scope:
            return cls(address, None, entra_scope)
        if key_file:
            return cls(address, _key("--key-file", _contents(key_file)))
        if not env.get("TOLLGATE_KEY"):
            raise misused(
                "TOLLGATE_KEY", "is not set: the key to call with, unless --key-file or --entra-scope is given"
            )
        return cls(address, _key("TOLLGATE_KEY", env["TOLLGATE_KEY"]))


def now() -> datetime:
    return datetime.now(UTC)


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(named: str, url: str, *, allows_http: bool) -> str:
    """Return the address without a slash at its end. What is refused is not repeated: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or parts.scheme not in ("http", "https") or not url.isascii() or not url.isprintable():
        raise misused(named, f"must be an address such as https://gateway.example.com or {DEFAULT_URL}")
    if " " in url or parts.username or parts.password or parts.query or parts.fragment:
        raise misused(named, "must hold neither blanks nor credentials nor a query")
    if parts.scheme == "http" and not allows_http and not is_loopback(host):
        raise misused(named, "would send the key unencrypted; use https, or --insecure if that is what you want")
    return url.rstrip("/")


def _contents(path: str) -> str:
    try:
        with Path(path).open(encoding="ascii") as file:
            return file.read(_MOST_KEY_CHARACTERS)
    except OSError as error:
        raise misused("--key-file", f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise misused("--key-file", "does not hold a key") from None


def _key(named: str, text: str) -> str:
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise misused(named, "does not hold a key")
    return key
