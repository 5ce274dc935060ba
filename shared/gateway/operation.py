"""Writes the call as one deployment is to receive it: the caller's bytes, with the model's name set where the address lacks it."""

from urllib.parse import unquote

from shared.gateway.call import Call
from shared.gateway.headers import to_upstream
from shared.gateway.message import GatewayRequest, HeaderList
from shared.gateway.naming import with_model
from shared.providers.base import Operation, Provider
from shared.providers.model import Deployment
from shared.routing.service import Router


class OperationWriter:
    """Prepares what all attempts of a call share once, and the rest per deployment."""

    def __init__(self, call: Call, request: GatewayRequest, router: Router) -> None:
        self._call = call
        self._router = router
        self._headers: HeaderList = to_upstream(request.header_list)
        self._query = _forwarded_query(request.query)

    def write(self, provider: Provider, deployment: Deployment) -> Operation:
        """Raises BadRequest where the body names its model twice."""
        call, endpoint = self._call, self._call.endpoint
        body, query, headers = call.content.raw, self._query, self._headers
        if call.model is not None and provider.body_names_model(endpoint, deployment):
            body, query = with_model(call, body, query, deployment.name_for(call.model))
        if call.image_model is not None:
            name = self._router.name_at(call.image_model, deployment.endpoint)
            headers = [*headers, ("x-ms-oai-image-generation-deployment", name)]
        return Operation(endpoint, call.method, call.matched.path, query, headers, body)


def _forwarded_query(query: str) -> str:
    """The caller's query without his api-version: the address form is the gateway's choice."""
    if not query:
        return query
    return "&".join(part for part in query.split("&") if unquote(part.partition("=")[0]).lower() != "api-version")
