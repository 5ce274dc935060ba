"""Sends mail by Azure Communication Services: its REST API of 2023-03-31, called with the gateway's identity.

https://learn.microsoft.com/rest/api/communication/email/email/send
"""

import orjson

from shared.alerts.ports import Answer, Mail, WebClient
from shared.providers.port import TokenSource

SCOPE = "https://communication.azure.com/.default"
_API_VERSION = "2023-03-31"


class CommunicationMail:
    """A MailService. What the service has taken it delivers itself; its own log tells what became of a mail."""

    def __init__(self, web: WebClient, tokens: TokenSource) -> None:
        self._web, self._tokens = web, tokens

    async def send(self, endpoint: str, client_id: str | None, mail: Mail, timeout_s: float) -> Answer:
        """Return the status. Raises Unreachable and CredentialUnavailable. `mail.id` is a UUID, by which a repetition is known."""
        token = await self._tokens.bearer(SCOPE, client_id)
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "operation-id": mail.id,
            "user-agent": "tollgate",
        }
        url = f"{endpoint}/emails:send?api-version={_API_VERSION}"
        answer = await self._web.post(url, headers, _body(mail), timeout_s)
        if answer.status == 401:
            self._tokens.invalidate(token, SCOPE, client_id)
            # With a new token the next try may succeed, which an ordinary 401 would not.
            return Answer(503, answer.retry_after_s)
        return answer


def _body(mail: Mail) -> bytes:
    return orjson.dumps(
        {
            "senderAddress": mail.sender,
            "recipients": {"to": [{"address": address} for address in mail.recipients]},
            "content": {"subject": mail.subject, "plainText": mail.text, "html": mail.html},
            "userEngagementTrackingDisabled": True,
        }
    )
