"""Everything that a call or a job works with, chosen once by `shared.bootstrap` and passed on explicitly."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.configuration.model import Configuration
from shared.documents import DocumentStore
from shared.keys.service import KeyService
from shared.ownership.service import OwnershipService
from shared.providers.base import Provider
from shared.providers.port import SecretSource, TokenSource, UpstreamTransport
from shared.queues import EventPublisher
from shared.routing.retry import RetryRules
from shared.routing.service import Router
from shared.settings import Settings
from shared.teams.model import Team
from shared.tokens.service import TokenCounter
from shared.wire.openai.routes import Routes

_log = logging.getLogger("tollgate.background")


class Background:
    """Work that a call leaves behind. Tasks are kept until they end: the event loop itself would forget them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("Work after a call failed: %s", type(error).__name__)

    async def finish(self) -> None:
        """Wait until nothing is left."""
        while self._tasks:
            await asyncio.wait(self._tasks)


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    config: Configuration
    clock: Clock
    routes: Routes
    teams: Mapping[str, Team]
    keys: KeyService
    router: Router
    retry: RetryRules
    providers: Mapping[str, Provider]
    transport: UpstreamTransport
    tokens: TokenSource
    secrets: SecretSource
    ownership: OwnershipService
    documents: DocumentStore
    events: EventPublisher
    counter: TokenCounter
    background: Background = field(default_factory=Background)

    async def close(self) -> None:
        """Finish what calls left behind, then let go of connections and files."""
        await self.background.finish()
        await self.transport.close()
        await self.tokens.close()
        await self.secrets.close()
        await self.events.close()
        await self.documents.close()
        self.counter.close()
