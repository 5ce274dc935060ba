"""From where a call comes, behind proxies that can be believed."""

from collections.abc import Mapping


def client_address(headers: Mapping[str, str], peer: str, proxies: int) -> str:
    """Return the address from which the request came to the first of so many proxies.

    Each proxy appends whom it was called by: what stands before the last `proxies` entries is the caller's own claim. Azure's
    front end appends a port, and puts IPv6 in brackets then.
    """
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    if proxies == 0 or len(hops) < proxies:
        return peer
    hop = hops[-proxies]
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
