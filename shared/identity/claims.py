"""What a token of Entra ID must claim to be taken, once its signature has been checked."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from shared.identity.errors import TokenAudience, TokenExpired, TokenIssuer, TokenRefused
from shared.identity.model import Bearer, EntraConfig

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LAST = datetime.max.replace(tzinfo=UTC).timestamp() - 1
_LONGEST_NAME = 128

type Claims = Mapping[str, Any]


def bearer_of(claims: Claims, config: EntraConfig, tenant: str, now: float) -> Bearer:
    """Return who bears a token that `tenant`'s key has signed. Raises TokenRefused."""
    _check_issuer(claims, config, tenant)
    if claims.get("aud") not in config.audiences:
        raise TokenAudience
    _check_times(claims, now, config.leeway_s)
    return _bearer(claims)


def expiry_of(claims: Claims) -> datetime:
    return datetime.fromtimestamp(claims["exp"], UTC)


def _check_issuer(claims: Claims, config: EntraConfig, tenant: str) -> None:
    version = _version(claims)
    # Compared with the verified claim again: the key was chosen by one that was not.
    if _lower(claims, "tid") != tenant or claims.get("iss") != config.issuer_of(tenant, version):
        raise TokenIssuer


def _version(claims: Claims) -> Literal["1.0", "2.0"]:
    version = claims.get("ver")
    if version == "1.0":
        return "1.0"
    if version == "2.0":
        return "2.0"
    raise TokenRefused("it has no version that is known here.")


def _check_times(claims: Claims, now: float, leeway_s: int) -> None:
    expiry = _time(claims, "exp")
    if expiry is None:
        raise TokenRefused("it does not say when it expires.")
    if now >= expiry + leeway_s:
        raise TokenExpired
    if any((_time(claims, name) or 0) > now + leeway_s for name in ("nbf", "iat")):
        raise TokenRefused("it is not valid yet. Check the clock of the machine that it comes from.")


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST:
        raise TokenRefused(f"its `{name}` is not a time.")
    return value


def _bearer(claims: Claims) -> Bearer:
    """Tell people from applications, and access tokens from ID tokens.

    Only access tokens name the client that holds them. Where a person stands behind it, `scp` lists what the client may do; where
    none does, the subject is the application itself. An ID token shows neither, and often the nonce of its sign-in.
    """
    client = _lower(claims, "azp" if claims["ver"] == "2.0" else "appid")
    oid = _lower(claims, "oid")
    is_person = isinstance(claims.get("scp"), str)
    is_application = claims.get("idtyp") == "app" or _lower(claims, "sub") == oid
    if "nonce" in claims or not _GUID.fullmatch(client) or not (is_person or is_application):
        raise TokenRefused("it is not an access token. Send the access token, not the ID token.")
    if not _GUID.fullmatch(oid):
        raise TokenRefused("it does not say who bears it.")
    return Bearer(
        object_id=oid,
        client_id=client,
        is_person=is_person,
        roles=frozenset(_strings(claims, "roles")),
        groups=frozenset(group.lower() for group in _strings(claims, "groups")),
        has_hidden_groups=_has_hidden_groups(claims),
        username=_username(claims),
        name=_text(claims, "preferred_username", "upn", "unique_name", "app_displayname"),
    )


def _has_hidden_groups(claims: Claims) -> bool:
    elsewhere = claims.get("_claim_names")
    return claims.get("hasgroups") is True or (isinstance(elsewhere, dict) and "groups" in elsewhere)


def _username(claims: Claims) -> str | None:
    """Return the name in lower case: Entra ID does not always spell it in the same way."""
    name = _text(claims, "preferred_username", "upn")
    return name.lower() if name else None


def _text(claims: Claims, *names: str) -> str | None:
    texts = (value for name in names if isinstance(value := claims.get(name), str))
    return next((text for text in texts if 0 < len(text) <= _LONGEST_NAME and text.isprintable()), None)


def _lower(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value.lower() if isinstance(value, str) else ""


def _strings(claims: Claims, name: str) -> list[str]:
    values = claims.get(name)
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
