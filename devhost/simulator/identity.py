"""GET /msi/token: the managed identity endpoint of App Service, API version 2019-08-01."""

import hmac
from collections.abc import Mapping

from devhost.simulator.auth import TokenIssuer
from devhost.simulator.exchange import Answer, answer

_SYSTEM_ASSIGNED = "11111111-1111-1111-1111-111111111111"


class IdentityEndpoint:
    def __init__(self, issuer: TokenIssuer, header: str) -> None:
        self._issuer = issuer
        self._header = header

    def token(self, query: Mapping[str, str], header: str | None) -> Answer:
        """Return a token for the resource that the query names."""
        if not hmac.compare_digest((header or "").encode(), self._header.encode()):
            return _refuse(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if query.get("api-version") != "2019-08-01":
            return _refuse(400, "This API version is not supported.")
        resource = query.get("resource")
        if not resource:
            return _refuse(400, "The resource is missing.")
        client_id = query.get("client_id")
        token, expires = self._issuer.mint(resource, client_id)
        return answer(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": client_id or _SYSTEM_ASSIGNED,
            }
        )


def _refuse(status: int, message: str) -> Answer:
    return answer({"statusCode": status, "message": message}, status)
