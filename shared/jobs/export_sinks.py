"""Where the export is pushed to: Azure Event Hubs over HTTPS, or a signed webhook."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

import orjson

from shared.alerts.ports import Unreachable, WebClient
from shared.alerts.webhook import signed_headers
from shared.clock import Clock
from shared.jobs.export_events import Row, Sink, SinkUnavailable
from shared.ledger.export_config import EventHubsExport, WebhookExport
from shared.providers.port import CredentialUnavailable, SecretSource, SecretUnavailable
from shared.runtime import Runtime

SCOPE = "https://eventhubs.azure.net/.default"
MOST_BYTES = 200_000
"""Of one request: the smallest tier of Event Hubs takes 256 KB."""

TIMEOUT_S = 15.0
_GOOD = range(200, 300)
_UNAUTHORIZED = 401


class Tokens(Protocol):
    """Access tokens of the gateway's own identity."""

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        """Raises CredentialUnavailable."""

    def invalidate(self, refused: str, scope: str, client_id: str | None = None) -> None: ...


class EventHubsSink:
    """One request for each partition of rows, with the key that keeps them in order in one partition of the hub.

    https://learn.microsoft.com/rest/api/eventhub/send-batch-events
    """

    def __init__(
        self, client: WebClient, tokens: Tokens, namespace: str, hub: str, client_id: str | None = None
    ) -> None:
        self._client, self._tokens, self._client_id = client, tokens, client_id
        self._url = f"{namespace}/{hub}/messages?api-version=2014-01"

    async def send(self, rows: Sequence[Row]) -> None:
        for partition, group in _by_partition(rows).items():
            # Names of teams are chosen by people: what stands in a header is made of them, not they.
            key = sha256(partition.encode()).hexdigest()[:32]
            properties = orjson.dumps({"PartitionKey": key}).decode()
            for part in parts_of(group):
                await self._post(orjson.dumps([{"Body": row.line().decode()} for row in part]), properties)

    async def _post(self, body: bytes, properties: str) -> None:
        try:
            token = await self._tokens.bearer(SCOPE, self._client_id)
        except CredentialUnavailable as error:
            raise SinkUnavailable("no credential") from error
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/vnd.microsoft.servicebus.json",
            "brokerproperties": properties,
        }
        status = await _status(self._client, self._url, headers, body)
        if status == _UNAUTHORIZED:
            self._tokens.invalidate(token, SCOPE, self._client_id)
        _check(status)


class WebhookSink:
    """Each request is signed as Standard Webhooks say; its id is made of its rows, so that a repeated one can be told."""

    def __init__(self, client: WebClient, secrets: SecretSource, clock: Clock, url: str, secret_ref: str) -> None:
        self._client, self._secrets, self._clock = client, secrets, clock
        self._url, self._secret_ref = url, secret_ref

    async def send(self, rows: Sequence[Row]) -> None:
        try:
            secret = await self._secrets.resolve(self._secret_ref)
            for part in parts_of(rows):
                body = orjson.dumps({"type": "export.rows", "data": [row.content for row in part]})
                id = f"msg_{sha256(body).hexdigest()[:32]}"
                headers = {"content-type": "application/json", **signed_headers(id, body, secret, self._clock.now())}
                _check(await _status(self._client, self._url, headers, body))
        except (SecretUnavailable, ValueError) as error:
            raise SinkUnavailable("its secret cannot be used") from error


def parts_of(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Divide rows, in their order, so that each part fits into one request."""
    part, size = list[Row](), 0
    for row in rows:
        # As text within text every quotation mark takes two.
        length = len(orjson.dumps(row.line().decode())) + 16
        if part and size + length > MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part


def _by_partition(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.partition, []).append(row)
    return groups


async def _status(client: WebClient, url: str, headers: Mapping[str, str], body: bytes) -> int:
    try:
        return (await client.post(url, headers, body, TIMEOUT_S)).status
    except Unreachable as error:
        raise SinkUnavailable(error.reason) from error


def _check(status: int) -> None:
    if status not in _GOOD:
        raise SinkUnavailable(f"status {status}")


def sinks_of(runtime: Runtime) -> dict[str, Sink]:
    """Return where the configuration says that the stream goes, by name."""
    return {sink.name: _sink_of(sink, runtime) for sink in runtime.config.export.sinks}


def _sink_of(sink: EventHubsExport | WebhookExport, runtime: Runtime) -> Sink:
    client = runtime.bookkeeping.outgoing.web
    if isinstance(sink, EventHubsExport):
        return EventHubsSink(client, runtime.tokens, sink.namespace, sink.hub, sink.client_id)
    return WebhookSink(client, runtime.secrets, runtime.clock, sink.url, sink.secret_ref)
