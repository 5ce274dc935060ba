"""Which headers travel, in both directions: what is the caller's secret or the gateway's own affair stays here."""

from urllib.parse import urlsplit

from shared.gateway.message import HeaderList

_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip

_STAYS_REQUEST = _HOP_BY_HOP | {
    # the caller's credentials
    "authorization", "api-key", "x-api-key", "cookie", "x-functions-key", "ocp-apim-subscription-key",
    # ours to write
    "host", "content-length", "accept-encoding", "expect",
    # what proxies on the way say of the caller
    "forwarded", "via", "client-ip", "x-client-ip", "x-client-port", "x-real-ip", "x-original-url", "x-original-host",
    "disguised-host", "was-default-hostname", "max-forwards", "origin", "referer", "x-request-id",
    # a caller who names deployments would walk around his allow-list
    "x-ms-spillover-deployment", "x-ms-oai-image-generation-deployment", "x-ms-invocation-id",
}  # fmt: skip
_STAYS_REQUEST_PREFIXES = (
    "x-gateway-", "x-forwarded-", "x-arr-", "x-waws-", "x-site-", "x-appservice-", "x-azure-", "x-ms-client-principal",
    "x-ms-token-", "sec-",
)  # fmt: skip

_STAYS_RESPONSE = _HOP_BY_HOP | {
    "content-length", "content-encoding", "set-cookie", "server", "date", "x-request-id", "www-authenticate", "alt-svc",
}  # fmt: skip

_ADDRESSES = frozenset({"location", "operation-location", "content-location"})
"""Their path may be of use to a caller; the name of the resource behind the gateway is not his affair."""


def to_upstream(headers: HeaderList) -> HeaderList:
    """Return the caller's headers that may travel."""
    kept = [
        (name, value)
        for name, value in headers
        if name not in _STAYS_REQUEST and not name.startswith(_STAYS_REQUEST_PREFIXES)
    ]
    # The side parser must be able to read the answer.
    kept.append(("accept-encoding", "identity"))
    return kept


def to_caller(headers: tuple[tuple[str, str], ...], ours: HeaderList) -> HeaderList:
    """Return the upstream's headers that may travel; its own request id stays readable under another name.

    What we say ourselves about limits replaces what the upstream says about its own.
    """
    kept = []
    said = {name for name, _ in ours}
    for name, value in headers:
        if name == "x-request-id":
            kept.append(("x-upstream-request-id", value))
        elif name in _ADDRESSES:
            kept.append((name, urlsplit(value)._replace(scheme="", netloc="").geturl()))
        elif name not in _STAYS_RESPONSE and name not in said:
            kept.append((name, value))
    return kept
