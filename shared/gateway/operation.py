"""Writes the call as one deployment is to receive it: the caller's bytes, with the model's name set where the address lacks it."""

import orjson

from shared.errors import BadRequest
from shared.gateway.call import Call
from shared.gateway.headers import to_upstream
from shared.gateway.message import GatewayRequest, HeaderList
from shared.providers.base import Operation, Provider
from shared.providers.model import Deployment
from shared.wire.json_edit import DuplicateKey, set_member, set_model
from shared.wire.multipart import set_field
from shared.wire.openai.endpoints import ModelIn


class OperationWriter:
    """Prepares what all attempts of a call share once, and the rest per deployment."""

    def __init__(self, call: Call, request: GatewayRequest) -> None:
        self._call = call
        self._match = call.matched
        self._headers: HeaderList = to_upstream(request.header_list)
        self._query = _forwarded_query(request.query)

    def write(self, provider: Provider, deployment: Deployment) -> Operation:
        """Raises BadRequest where the body names its model twice."""
        call, endpoint = self._call, self._match.endpoint
        name = deployment.name_for(call.model) if call.model is not None else None
        body, query, headers = call.content.raw, self._query, self._headers
        if name is not None and provider.body_names_model(endpoint, deployment):
            if endpoint.model is ModelIn.QUERY:
                query = _with_model(query, name)
            elif body is not None:
                body = self._with_model(body, name)
        if call.image_model is not None:
            headers = [*headers, ("x-ms-oai-image-generation-deployment", deployment.name_for(call.image_model))]
        return Operation(endpoint, call.method, self._match.path, query, headers, body)

    def _with_model(self, body: bytes, name: str) -> bytes:
        content = self._call.content
        try:
            if self._match.endpoint.model is ModelIn.SESSION:
                session = (content.json or {}).get("session")
                renamed = {**session, "model": name} if isinstance(session, dict) else {"model": name}
                return set_member(body, "session", orjson.dumps(renamed).decode())
            if content.form is not None:
                return set_field(body, content.form, "model", name)
            return set_model(body, content.json or {}, name)
        except DuplicateKey as error:
            raise BadRequest(str(error), param=error.key, code="duplicate_key") from None


def _forwarded_query(query: str) -> str:
    """The caller's query without his api-version: the address form is the gateway's choice."""
    if "api-version" not in query:
        return query
    return "&".join(part for part in query.split("&") if part.partition("=")[0].lower() != "api-version")


def _with_model(query: str, name: str) -> str:
    kept = [part for part in query.split("&") if part and part.partition("=")[0] != "model"]
    return "&".join([*kept, f"model={name}"])
