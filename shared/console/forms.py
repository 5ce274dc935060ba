"""Reads what a page's form sent: a bounded body of names and values, from a page of ours."""

from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, urlsplit

from shared.fields import is_loopback
from shared.gateway.message import GatewayRequest
from shared.gateway.whole import whole_body
from shared.management.problems import Forbidden, Malformed, NotJson, TooLarge, TooSlow, invalid

MAX_BYTES = 300_000
MAX_FIELDS = 100
READ_S = 30.0


async def read_form(request: GatewayRequest) -> Mapping[str, str]:
    """Raises Problem for what is no form, too large, too slow, or says something twice."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise NotJson("Send the form as a browser does.")
    too_large = TooLarge(f"The form is larger than {MAX_BYTES} bytes.")
    too_slow = TooSlow("The form did not arrive in time.")
    return _fields(await whole_body(request, MAX_BYTES, READ_S, too_large=too_large, too_slow=too_slow))


def _fields(raw: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("The form cannot be read.") from None
    if len(dict(pairs)) < len(pairs):
        raise invalid("form", "says something twice")
    # Browsers end the lines of a text with both characters.
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def check_origin(request: GatewayRequest) -> None:
    """Raises Forbidden for a form that another site's page sent. Every browser says with a form where it comes from."""
    origin = _parts(request.headers.get("origin", ""))
    host = request.headers.get("host", "")
    if not host or origin is None or origin.netloc != host or origin.scheme not in ("http", "https"):
        raise Forbidden("This form was not sent by a page of the console.")


def is_plain(request: GatewayRequest) -> bool:
    """Whether a form, whose origin was checked, comes from a page that this machine showed over plain http."""
    origin = _parts(request.headers.get("origin", ""))
    return origin is not None and origin.scheme == "http" and is_local(request)


def is_local(request: GatewayRequest) -> bool:
    """Whether this machine is what the browser asked for a page."""
    host = _parts(f"//{request.headers.get('host', '')}")
    return host is not None and is_loopback(host.hostname or "")


def _parts(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None
