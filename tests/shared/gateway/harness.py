"""A gateway without host or sockets: the real pipeline on a scripted upstream, so that every step can be seen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from shared.adapters.entra import Credential
from shared.adapters.stored_secrets import StoredSecrets
from shared.bootstrap import administration_of, bookkeeping_of
from shared.budgets.service import BudgetService
from shared.callers.service import Callers
from shared.catalog.service import OutputHistory, load_book
from shared.configuration.domain import directory_of, router_of
from shared.configuration.loading import load_configuration
from shared.configuration.model import Configuration
from shared.directory.declared import DeclaredKey, FileDirectory
from shared.directory.model import Key, Kind, Role
from shared.directory.service import Directory
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.gateway.pipeline import Pipeline
from shared.gateway.stream import StreamCut
from shared.keys.model import digest_of
from shared.keys.service import KeyService
from shared.keys.use import KeyUseStore, LastUse
from shared.leases.service import Leases
from shared.ownership.service import OwnershipService
from shared.ownership.store import OwnershipStore
from shared.providers.model import UpstreamRequest
from shared.providers.port import CredentialUnavailable, UpstreamFailure
from shared.providers.registry import PROVIDERS
from shared.redaction import Secret
from shared.routing.retry import RetryRules
from shared.runtime import Background, Runtime
from shared.settings import Settings
from shared.tokens.service import TokenCounter
from shared.tokens.sizes import ResponseSizes
from shared.upkeep import Upkeep
from shared.wire.openai.routes import Routes
from tests.fakes import FakeClock, MemoryDocuments, MemoryEvents

ROOT = Path(__file__).parents[3]
PEPPER = b"pepper"
KEYS = {
    "research": "sk-research-key",
    "other": "sk-other-key",
    "narrow": "sk-narrow-key",
    "platform": "sk-operator-key",
}

CONFIG = """
version: 1
deployments:
  - {name: east, endpoint: "https://east.example", deployment: gpt-4o, region: eastus}
  - {name: west, endpoint: "https://west.example", deployment: gpt-4o-west, url_form: deployments, api_version: 2025-04-01-preview}
  - {name: plain, provider: openai_compatible, endpoint: "https://plain.example/v1", deployment: "{model}", secret_ref: "env:PLAIN"}
routes:
  - {alias: gpt-4o, targets: [{deployment: east}]}
  - {alias: both, targets: [{deployment: east}, {deployment: west, priority: 2}]}
  - {alias: west-only, targets: [{deployment: west}]}
  - {alias: "plain-*", targets: [{deployment: plain}]}
default_response_model: gpt-4o
teams:
  - {id: research, cost_center: "4711"}
  - {id: other}
  - {id: narrow, models: ["plain-*"]}
  - {id: platform}
retry: {attempts: 3, max_wait_s: 0.05}
circuit: {failures: 3, open_s: 10}
stream: {keep_alive_s: 0.02, drain_s: 0.5, drain_mb: 1}
body: {json_mb: 1, upload_mb: 2, buffered_mb: 3}
"""

SILENCE = object()
"""In a scripted body: nothing comes for one keep-alive interval."""


@dataclass
class Answer:
    """A scripted answer: `pieces` are bytes, SILENCE, an event to wait for, or an UpstreamFailure to raise."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[Any] = ()
    is_closed: bool = False

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class ScriptedResponse:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._left = list(answer.pieces)
        self.status = answer.status
        self.headers = tuple(answer.headers.items())

    def header(self, name: str) -> str | None:
        return self._answer.headers.get(name)

    async def read_some(self, wait_s: float) -> bytes | None:
        await asyncio.sleep(0)
        if not self._left:
            return b""
        piece = self._left.pop(0)
        if piece is SILENCE:
            return None
        if isinstance(piece, asyncio.Event):
            await piece.wait()
            return await self.read_some(wait_s)
        if isinstance(piece, UpstreamFailure):
            raise piece
        assert isinstance(piece, bytes)
        return piece

    async def read(self, limit: int) -> bytes:
        whole = b""
        while piece := await self.read_some(1):
            whole += piece
        return whole

    def close(self) -> None:
        self._answer.is_closed = True


def json_answer(body: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"content-type": "application/json", **named}, [orjson.dumps(body)])


def sse_answer(*pieces: Any, **headers: str) -> Answer:
    return Answer(200, {"content-type": "text/event-stream", **headers}, pieces)


def event(**body: object) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"


CHAT_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-11-20",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}
CHAT_STREAM = (
    event(id="", model="", choices=[], prompt_filter_results=[{"prompt_index": 0}]),
    event(id="c", model="gpt-4o", choices=[{"index": 0, "delta": {"role": "assistant", "content": "He"}}], usage=None),
    event(id="c", model="gpt-4o", choices=[{"index": 0, "delta": {"content": "llo"}}], usage=None),
    event(id="c", model="gpt-4o", choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None),
    event(id="c", model="gpt-4o", choices=[], usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
    b"data: [DONE]\n\n",
)


class ScriptedUpstream:
    """Answers requests from a list, or by a rule; keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[UpstreamRequest] = []
        self.answers: list[Answer | UpstreamFailure | Exception] = []
        self.rule: Callable[[UpstreamRequest], Answer | UpstreamFailure] = lambda _: json_answer(CHAT_ANSWER)

    async def send(self, request: UpstreamRequest) -> ScriptedResponse:
        self.sent.append(request)
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else self.rule(request)
        if isinstance(answer, Exception):
            raise answer
        return ScriptedResponse(answer)

    async def close(self) -> None:
        pass


class CountingTokens:
    """Hands out token-1, token-2, …; a new one after each invalidation."""

    def __init__(self) -> None:
        self.number = 1
        self.is_broken = False

    def cached(self, scope: str, client_id: str | None = None) -> str | None:
        return None if self.is_broken else f"token-{self.number}"

    async def bearer(self, scope: str, client_id: str | None = None) -> str:
        if self.is_broken:
            raise CredentialUnavailable("no identity")
        return f"token-{self.number}"

    def invalidate(self, refused: str, scope: str, client_id: str | None = None) -> None:
        assert refused == f"token-{self.number}"
        self.number += 1

    async def close(self) -> None:
        pass


class FixedSecrets:
    async def resolve(self, ref: str) -> Secret:
        return Secret("plain-secret")

    def invalidate(self, ref: str) -> None:
        pass

    async def close(self) -> None:
        pass


def _declared(configuration: Configuration) -> FileDirectory:
    """What the file says, with a key of each team."""
    keys = [
        DeclaredKey(
            Key(
                id=f"vk_{team}",
                owner=f"teams/{team}",
                role=Role.PLATFORM_ADMIN if team == "platform" else Role.DEVELOPER,
            ),
            digest_of(secret, PEPPER),
        )
        for team, secret in KEYS.items()
    ]
    nodes = directory_of(configuration, {})
    return FileDirectory([resource for kind in Kind for resource in nodes.all(kind)], keys)


def _no_credential() -> Credential:
    raise AssertionError("nothing is signed in to")


class Gateway:
    """The pipeline with everything around it at hand."""

    def __init__(self, tmp_path: Path, config: str = CONFIG) -> None:
        path = tmp_path / "gateway.yaml"
        path.write_text(config)
        settings = Settings.from_environment({"TOLLGATE_CONFIG": str(path), "TOLLGATE_DATA": str(tmp_path)})
        self.clock = FakeClock()
        self.documents, self.events = MemoryDocuments(), MemoryEvents()
        self.upstream, self.tokens = ScriptedUpstream(), CountingTokens()
        configuration = load_configuration(path, {})
        declared = _declared(configuration)
        vault = StoredSecrets(self.documents, PEPPER, self.clock)
        administration = administration_of(self.documents, self.clock, declared, vault, PEPPER)
        directory = Directory(self.documents, declared, self.clock)
        background = Background()
        self.leases = Leases(self.documents, self.clock, "inst_test", background.spawn)
        self.runtime = Runtime(
            settings=settings,
            config=configuration,
            clock=self.clock,
            routes=Routes(),
            directory=directory,
            callers=Callers(directory, KeyService(directory, PEPPER), None, self.clock),
            leases=self.leases,
            budgets=BudgetService(administration.alerts, self.clock, background.spawn),
            prices=load_book(configuration.prices),
            outputs=OutputHistory(),
            sizes=ResponseSizes(),
            router=router_of(configuration, self.clock),
            retry=RetryRules(configuration.retry.attempts, configuration.retry.max_wait_s, base_s=0.001),
            providers=PROVIDERS,
            transport=self.upstream,
            tokens=self.tokens,
            secrets=FixedSecrets(),
            ownership=OwnershipService(OwnershipStore(self.documents), self.clock),
            documents=self.documents,
            events=self.events,
            counter=TokenCounter(ROOT / "vendor" / "tiktoken"),
            last_use=LastUse(KeyUseStore(self.documents), self.clock),
            administration=administration,
            bookkeeping=bookkeeping_of(
                settings,
                configuration.finance,
                self.clock,
                self.documents,
                self.events,
                self.tokens,
                lambda *_: _no_credential(),
            ),
            upkeep=Upkeep((directory.look, self.leases.tend), self.clock, every_s=3600),
            background=background,
        )
        self.pipeline = Pipeline(self.runtime)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        team: str | None = "research",
        query: str = "",
        **headers: str,
    ) -> GatewayResponse:
        """Send a request; JSON bodies are written for you, bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if team is not None:
            sent.setdefault("authorization", f"Bearer {KEYS[team]}")
        sent.setdefault("content-type", "application/json")

        async def pieces() -> AsyncIterator[bytes]:
            if raw:
                yield raw

        request = GatewayRequest(method, path, query, sent, list(sent.items()), pieces)
        return await self.pipeline.handle(request)

    async def chat(self, model: str = "gpt-4o", **more: Any) -> GatewayResponse:
        keywords = {name: more.pop(name) for name in ("team", "query") if name in more}
        body = {"model": model, "messages": [{"role": "user", "content": "Say hello"}], **more}
        return await self.call("POST", "/v1/chat/completions", body, **keywords)

    async def settled(self) -> list[dict[str, Any]]:
        """The usage events, after everything that calls left behind has ended."""
        await self.runtime.background.finish()
        return self.events.events


async def collect(answer: GatewayResponse) -> bytes:
    """Read a stream to its end."""
    assert not isinstance(answer.body, bytes)
    return b"".join([piece async for piece in answer.body])


async def collect_until_cut(answer: GatewayResponse) -> bytes:
    """Read a stream that breaks off."""
    assert not isinstance(answer.body, bytes)
    pieces = []
    try:
        async for piece in answer.body:
            pieces.append(piece)
    except StreamCut:
        return b"".join(pieces)
    raise AssertionError("the stream ended cleanly")


def error_of(answer: GatewayResponse) -> dict[str, Any]:
    assert isinstance(answer.body, bytes)
    error: dict[str, Any] = orjson.loads(answer.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def header_of(answer: GatewayResponse, name: str) -> str | None:
    return dict(answer.headers).get(name)
