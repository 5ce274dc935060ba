"""Calls one Cosmos DB database: opens the client when first needed, tries again what may be, names errors as the port does."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from shared.adapters.entra import Credential
from shared.documents import DocumentExists, DocumentMissing, PreconditionFailed, StoreUnavailable

if TYPE_CHECKING:
    from azure.cosmos.aio import ContainerProxy, CosmosClient

PARTITION_KEY = "/pk"

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.05, 1.0
_MEANING: dict[int | None, type[Exception]] = {404: DocumentMissing, 409: DocumentExists, 412: PreconditionFailed}
_UNFIT = {400: "cannot be stored", 413: "is too large"}
_THROTTLED = 429
_NOT_DONE = frozenset({410, _THROTTLED, 449, 503})
"""Answers that say that nothing was changed."""

type ClientFactory = Callable[..., CosmosClient]
"""From an endpoint, a credential and the SDK's options."""

type What = tuple[str, str]
"""A container and an operation."""

type Hook = Callable[[Mapping[str, Any], Any], None]
type Work[T] = Callable[[ContainerProxy, Hook], Awaitable[T]]


class StoreFigures(Protocol):
    """Hears what the store costs and how it answers: units are request units, seconds those of a call with all its tries."""

    def charged(self, container: str, operation: str, units: float) -> None: ...

    def throttled(self, container: str, operation: str) -> None: ...

    def took(self, container: str, operation: str, seconds: float) -> None: ...


class CosmosDatabase:
    """One client, made in the running loop by the first call and shared by all. Its own retries are off: ours count."""

    def __init__(
        self,
        endpoint: str,
        name: str,
        make_credential: Callable[[], Credential],
        make_client: ClientFactory | None,
        creates_containers: bool,
        patience_s: float,
        figures: StoreFigures | None,
    ) -> None:
        self._endpoint, self._name = endpoint, name
        self._make_credential, self._make_client = make_credential, make_client or _cosmos_client
        self._creates_containers, self._patience_s, self._figures = creates_containers, patience_s, figures
        self._turn = asyncio.Lock()
        self._credential: Credential | None = None
        self._client: CosmosClient | None = None
        self._containers: dict[str, ContainerProxy] = {}
        self._under_way, self._closed = 0, False
        self._idle = asyncio.Event()
        self._idle.set()

    async def call[T](self, operation: str, container: str, work: Work[T], *, repeatable: bool = False) -> T:
        """Do the work, again as long as patience lasts. Raises the port's errors, and ValueError for unfit documents.

        Work that is not repeatable is tried again only where it is certain that nothing was changed.
        """

        what = container, operation

        def hook(headers: Mapping[str, Any], _: Any) -> None:
            self._charge(what, headers)

        async def run(deadline: float) -> T:
            proxy = await self._repeat(what, lambda: self._container(container), True, deadline)
            return await self._repeat(what, lambda: work(proxy, hook), repeatable, deadline)

        with self._counted(), self._timed(what):
            return await self._in_time(run)

    async def close(self) -> None:
        """Wait for the calls under way, none of which outlasts our patience."""
        self._closed = True
        await self._idle.wait()
        self._containers.clear()
        await self._close_client()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    @contextmanager
    def _timed(self, what: What) -> Iterator[None]:
        begun = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            if self._figures is not None:
                self._figures.took(*what, asyncio.get_running_loop().time() - begun)

    async def _in_time[T](self, run: Callable[[float], Awaitable[T]]) -> T:
        deadline = asyncio.get_running_loop().time() + self._patience_s
        try:
            async with asyncio.timeout_at(deadline):
                return await run(deadline)
        except TimeoutError as error:
            raise StoreUnavailable(f"Cosmos DB did not answer within {self._patience_s} s") from error

    async def _repeat[T](self, what: What, attempt: Callable[[], Awaitable[T]], repeatable: bool, deadline: float) -> T:
        from azure.core.exceptions import AzureError

        delay = _FIRST_DELAY_S
        while True:
            try:
                return await attempt()
            except (AzureError, OSError) as error:
                self._charge(what, _headers(error))
                self._note_throttling(what, error)
                wait = max(delay, _retry_after(error))
                if not _may_repeat(error, repeatable) or asyncio.get_running_loop().time() + wait > deadline:
                    _give_up(error)
            await asyncio.sleep(wait)
            delay = min(2 * delay, _LONGEST_DELAY_S)

    async def _container(self, name: str) -> "ContainerProxy":
        if name not in self._containers:
            async with self._turn:
                if name not in self._containers:
                    self._containers[name] = await self._found(name)
        return self._containers[name]

    async def _found(self, name: str) -> "ContainerProxy":
        """Look the container up: later, nothing would tell a missing container from a missing document."""
        from azure.cosmos.exceptions import CosmosResourceNotFoundError

        client = await self._opened()
        if self._creates_containers:
            await self._create(client, name)
        container = client.get_database_client(self._name).get_container_client(name)
        try:
            await container.read()
        except CosmosResourceNotFoundError as error:
            raise StoreUnavailable(f"Cosmos DB has no container {name!r}") from error
        return container

    async def _create(self, client: "CosmosClient", name: str) -> None:
        from azure.cosmos import PartitionKey
        from azure.cosmos.exceptions import CosmosResourceExistsError

        with suppress(CosmosResourceExistsError):
            await client.create_database(self._name)
        with suppress(CosmosResourceExistsError):
            database = client.get_database_client(self._name)
            await database.create_container(name, PartitionKey(PARTITION_KEY), default_ttl=-1)

    async def _opened(self) -> "CosmosClient":
        if self._client is None:
            self._credential = self._make_credential()
            self._client = self._make_client(self._endpoint, self._credential, **_options(self._patience_s))
            async with AsyncExitStack() as opening:
                opening.push_async_callback(self._close_client)
                await self._client.__aenter__()
                opening.pop_all()
        return self._client

    async def _close_client(self) -> None:
        client, self._client = self._client, None
        credential, self._credential = self._credential, None
        if client is not None:
            await client.close()
        if credential is not None:
            await credential.close()

    def _charge(self, what: What, headers: Mapping[str, Any]) -> None:
        charge = headers.get("x-ms-request-charge")
        if charge is not None and self._figures is not None:
            self._figures.charged(*what, float(charge))

    def _note_throttling(self, what: What, error: Exception) -> None:
        if self._figures is not None and _status(error) == _THROTTLED:
            self._figures.throttled(*what)


def _options(patience_s: float) -> dict[str, Any]:
    """Let the SDK do nothing behind our back: a write that it sends twice could count twice."""
    return {
        "retry_throttle_total": -1,  # 0 would mean the SDK's own nine
        "retry_connect": 0,
        "retry_read": 0,
        "retry_status": 0,
        "connection_timeout": patience_s / 2,
        "read_timeout": patience_s / 2,
        "enable_endpoint_discovery": False,
    }


def _may_repeat(error: Exception, repeatable: bool) -> bool:
    status = _status(error)
    if status in _NOT_DONE or _never_sent(error):
        return True
    if not repeatable:
        return False
    return status in (None, 408) or status >= 500 or _is_elsewhere(error)


def _never_sent(error: Exception) -> bool:
    """Say whether no connection came about; the SDK calls one that broke later a request error, too."""
    from aiohttp import ClientConnectorError
    from azure.core.exceptions import ServiceRequestError, ServiceRequestTimeoutError

    if isinstance(error, ServiceRequestTimeoutError):
        return True
    return isinstance(error, ServiceRequestError) and isinstance(error.inner_exception, ClientConnectorError)


def _give_up(error: Exception) -> NoReturn:
    """The SDK's texts can hold whole documents, so they stay in the chain of causes."""
    status = _status(error)
    if status in _MEANING and not _is_elsewhere(error):
        raise _MEANING[status](f"Cosmos DB answered {status}") from error
    if status in _UNFIT:
        raise ValueError(f"the document {_UNFIT[status]}") from error
    raise StoreUnavailable(f"Cosmos DB answered {status}" if status else type(error).__name__) from error


def _is_elsewhere(error: Exception) -> bool:
    """Say whether a 404 is not about the document: a replica is behind, or the container is gone."""
    return _status(error) == 404 and bool(getattr(error, "sub_status", None))


def _status(error: Exception) -> int | None:
    return getattr(error, "status_code", None)


def _headers(error: Exception) -> Mapping[str, Any]:
    return getattr(error, "headers", None) or {}


def _retry_after(error: Exception) -> float:
    return float(_headers(error).get("x-ms-retry-after-ms", 0)) / 1000


def _cosmos_client(endpoint: str, credential: Any, **options: Any) -> "CosmosClient":
    from azure.cosmos.aio import CosmosClient

    return CosmosClient(endpoint, credential, **options)
