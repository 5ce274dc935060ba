"""A notice as a signed webhook: https://github.com/standard-webhooks/standard-webhooks, version 1.0.0."""

import base64
import binascii
import hmac
from datetime import datetime
from hashlib import sha256

import orjson

from shared.alerts.model import Notice
from shared.alerts.store import stamp
from shared.redaction import Secret

_PREFIX = "whsec_"


def webhook_id(notice: str, channel: str) -> str:
    """Return what a message is called however often it is sent. It holds no full stop: those divide what is signed."""
    return f"msg_{sha256(f'{notice}|{channel}'.encode()).hexdigest()[:32]}"


def webhook_body(notice: Notice) -> bytes:
    return orjson.dumps(
        {
            "type": f"notice.{notice.kind}",
            "timestamp": stamp(notice.at),
            "data": {
                "id": notice.id,
                "severity": notice.severity,
                "title": notice.title,
                "text": notice.text,
                "facts": [{"label": label, "value": value} for label, value in notice.facts],
                "team": notice.team,
                "scope": notice.scope,
                "link": notice.link,
            },
        }
    )


def signed_headers(id: str, body: bytes, secret: Secret, now: datetime) -> dict[str, str]:
    """Return the headers of one attempt. Raises ValueError for a `whsec_` secret that is not base64."""
    at = str(int(now.timestamp()))
    signature = hmac.new(_key_of(secret), f"{id}.{at}.".encode() + body, sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def _key_of(secret: Secret) -> bytes:
    """`whsec_` announces base64; any other text is the key itself."""
    text = secret.reveal()
    if not text.startswith(_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        # Not the library's words, and not from it: a traceback must not show what was decoded.
        raise ValueError("the signing secret begins with whsec_ and is not base64") from None
