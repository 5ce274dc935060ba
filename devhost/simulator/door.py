"""The life of one call: record it, check credentials and address, apply faults, let the resource answer, deliver."""

import asyncio
import logging
import traceback
from dataclasses import dataclass
from uuid import uuid4

from aiohttp import web

from devhost.simulator.addresses import locate
from devhost.simulator.auth import TokenIssuer, admits, leaks_virtual_key
from devhost.simulator.catalog import Deployment
from devhost.simulator.delivery import Delivery, Pauses
from devhost.simulator.errors import AzureError, access_denied, bad_request
from devhost.simulator.exchange import Answer, Call, Stream, answer
from devhost.simulator.faults import FaultPlan, Faults, UnknownFault
from devhost.simulator.rate_limits import RateLimits
from devhost.simulator.recording import Observations
from devhost.simulator.routing import Content, RouteTable, deployment_of

_LOG = logging.getLogger(__name__)
_REGION = "Sweden Central"
_CHARACTERS_PER_TOKEN = 4


@dataclass(slots=True)
class _Visit:
    """What is known so far about a call."""

    body: bytes = b""
    deployment: Deployment | None = None
    faults: Faults = Faults()  # noqa: RUF009 - frozen and empty


class Door:
    """Handles every data-plane request."""

    def __init__(
        self, table: RouteTable, issuer: TokenIssuer, plan: FaultPlan, observations: Observations, pauses: Pauses
    ) -> None:
        self._table = table
        self._issuer = issuer
        self._plan = plan
        self._observations = observations
        self._pauses = pauses
        self._limits = RateLimits()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        visit = _Visit(await request.read())
        try:
            result = await self._result(request, visit)
        except AzureError as error:
            result = _rendered(error)
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            # Resources read bodies as deep as they need to: what breaks them there is a body of the wrong shape.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            _LOG.warning("taken for malformed: %s at %s:%s", type(error).__name__, frame.filename, frame.lineno)
            result = _rendered(bad_request("A field of the body has the wrong type.", "body", "invalid_type"))
        finally:
            name = visit.deployment.name if visit.deployment else None
            self._observations.record(request.method, request.raw_path, request.headers, visit.body, name)
        delivery = Delivery(request, visit.faults, self._pauses, self._headers(visit, result))
        try:
            return await delivery.send(result)
        except (ConnectionError, asyncio.CancelledError):
            self._observations.abandoned += 1
            raise

    async def _result(self, request: web.Request, visit: _Visit) -> Answer | Stream:
        self._admit(request)
        address = locate(request.path, request.query)
        route, ids = self._table.find(request.method, address)
        content = Content.parse(request.headers.get("content-type", ""), visit.body)
        visit.deployment = deployment_of(address, route, content, request.query)
        visit.faults = self._faults(request, visit.deployment)
        if refusal := visit.faults.refusal():
            raise refusal
        call = Call(
            ids=ids,
            query=request.query,
            json=content.json,
            form=content.form,
            body=visit.body,
            content_type=request.content_type,
            origin=f"{request.scheme}://{request.host}",
            faults=visit.faults,
            named=visit.deployment,
        )
        return await route.handler(call)

    def _admit(self, request: web.Request) -> None:
        if leaks_virtual_key(request.headers.values()):
            self._observations.leaked_credentials += 1
            raise access_denied()
        if not admits(self._issuer, request.headers.get("authorization"), request.headers.get("api-key")):
            raise access_denied()

    def _faults(self, request: web.Request, deployment: Deployment | None) -> Faults:
        name, permanent = (deployment.name, deployment.faults) if deployment else ("", ())
        header = request.headers.get("x-simulator-fault", "")
        try:
            return self._plan.of_call(name, permanent, header, request.headers.get("x-simulator-fault-key", ""))
        except UnknownFault as error:
            raise bad_request(f"The simulator has no fault {str(error)!r}.", "x-simulator-fault") from error

    def _headers(self, visit: _Visit, result: Answer | Stream) -> dict[str, str]:
        headers = {
            "apim-request-id": str(uuid4()),
            "x-request-id": str(uuid4()),
            "x-ms-region": _REGION,
            "set-cookie": "sim=1",
        }
        if visit.deployment is not None:
            headers["x-ms-deployment-name"] = visit.deployment.name
            is_throttled = isinstance(result, Answer) and result.status == 429
            estimate = len(visit.body) // _CHARACTERS_PER_TOKEN
            headers |= self._limits.headers(visit.deployment, estimate, is_throttled)
        return headers


def _rendered(error: AzureError) -> Answer:
    return answer({"error": error.error}, error.status, error.headers)
