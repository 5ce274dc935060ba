"""The management API on a directory in memory with two teams in it, and the people who call it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from shared.adapters.stored_secrets import StoredSecrets
from shared.audit.store import AuditLog
from shared.budgets.model import BudgetStatus, status_of
from shared.budgets.store import AlertStore
from shared.callers.model import Caller
from shared.directory.declared import FileDirectory
from shared.directory.model import Area, Budget, Key, Resource, Role, team_of
from shared.directory.store import DirectoryStore
from shared.documents import DocumentStore
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.keys.errors import KeyMissing, KeyUnknown
from shared.keys.use import KeyUseStore
from shared.leases.model import Level
from shared.management.answers import Explanation
from shared.management.api import ManagementApi
from shared.management.authority import Authority
from shared.management.ports import Parts
from shared.management.requests import ExplainRequest
from shared.policy.model import EffectivePolicy, NameRule, Origin
from shared.usage.model import Attribution
from shared.windows import CalendarPeriod
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.management.bookkeeping import Bookkeeping

PEPPER = b"the pepper of the office"
ROOT, AUDITOR, ADMIN_A, ADMIN_B, DEV_A, DEV_B = "root", "auditor", "admin-a", "admin-b", "dev-a", "dev-b"
EVERYBODY = (ROOT, AUDITOR, ADMIN_A, ADMIN_B, DEV_A, DEV_B)


def caller(id: str, role: Role, owner: str) -> Caller:
    team = team_of(owner)
    assert team is not None
    return Caller(
        id=f"vk_{id}",
        kind="virtual_key",
        owner=owner,
        team=team,
        role=role,
        attribution=Attribution(team, f"vk_{id}"),
        policy=EffectivePolicy(names=(NameRule(Origin(owner, owner), "models", ("gpt-*",)),)),
    )


class People:
    """Callers by their secret; keys that are stored are found by their id, and those in `by_key` by theirs."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store
        self.by_key: dict[str, str] = {}
        self.known = {
            ROOT: caller("root", Role.PLATFORM_ADMIN, "teams/platform"),
            AUDITOR: caller("auditor", Role.AUDITOR, "teams/platform"),
            ADMIN_A: caller("admin-a", Role.TEAM_ADMIN, "teams/a"),
            ADMIN_B: caller("admin-b", Role.TEAM_ADMIN, "teams/b"),
            DEV_A: caller("dev-a", Role.DEVELOPER, "teams/a"),
            DEV_B: caller("dev-b", Role.DEVELOPER, "teams/b/users/dev"),
        }

    async def identify(self, headers: Mapping[str, str], address: str) -> Caller:
        secret = headers.get("authorization", "").removeprefix("Bearer ")
        if not secret:
            raise KeyMissing
        if secret not in self.known:
            raise KeyUnknown
        return self.known[secret]

    async def by_id(self, key_id: str) -> Caller | None:
        if key_id in self.by_key:
            return self.known.get(self.by_key[key_id])
        stored = await self._store.get(f"keys/{key_id}")
        if stored is None or not isinstance(stored.resource, Key):
            return None
        return caller(key_id.removeprefix("vk_"), stored.resource.role, stored.resource.owner)


async def explain(caller: Caller, request: ExplainRequest, viewer: Authority) -> Explanation:
    return Explanation(allowed=True, model=request.model, reasons=())


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def fields(self) -> list[str]:
        return [error["field"] for error in self.json.get("errors", [])]

    @property
    def etag(self) -> str:
        return self.headers["etag"]


@dataclass
class Office:
    clock: FakeClock = field(default_factory=FakeClock)
    declared: tuple[Resource, ...] = (Area(id="filed"),)
    documents: DocumentStore = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.documents = self.documents or MemoryDocuments(self.clock)
        self.audit = AuditLog(self.documents, PEPPER)
        self.store = DirectoryStore(self.documents, self.clock, self.audit)
        self.people = People(self.store)
        self.alerts = AlertStore(self.documents)
        self.vault = StoredSecrets(self.documents, PEPPER, self.clock)
        self.uses = KeyUseStore(self.documents)
        self.bookkeeping = Bookkeeping(self.documents, self.clock, self.store)
        self.parts = Parts(
            clock=self.clock,
            pepper=PEPPER,
            store=self.store,
            audit=self.audit,
            file=FileDirectory(self.declared),
            callers=self.people,
            alerts=self.alerts,
            budget_status=self.budget_status,
            explain=explain,
            secrets=self.vault,
            last_used=self.uses.last_used,
            books=self.bookkeeping.books,
        )
        self.api = ManagementApi(self.parts)

    async def budget_status(self, budget: Budget) -> BudgetStatus:
        window = CalendarPeriod(budget.period, budget.time_zone, budget.fiscal_year_start).at(self.clock.now())
        return status_of(budget, Level(5 * 10**8, 10**8, None, window.end), window, self.clock.now())

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str | None = ROOT,
        match: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request; `path` may hold a query."""
        sent = [(name, value) for name, value in (headers or {}).items()]
        if by is not None:
            sent.append(("authorization", f"Bearer {by}"))
        if match is not None:
            sent.append(("if-match", match))
        raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        if raw and "content-type" not in dict(sent):
            sent.append(("content-type", "application/json"))
        address, _, query = path.partition("?")
        request = GatewayRequest(method, f"/api/v1/{address}", query, dict(sent), sent, lambda: _pieces(raw))
        return reply(await self.api.handle(request))

    async def made(self, path: str, body: object, *, by: str = ROOT) -> Reply:
        made = await self.call("POST", path, body, by=by)
        assert made.status == 201, made.raw
        return made

    async def items(self, path: str, *, by: str = ROOT) -> list[Any]:
        found: list[Any] = []
        query = ""
        while True:
            page = await self.call("GET", path + query, by=by)
            assert page.status == 200, page.raw
            found += page.json["data"]
            if page.json["next"] is None:
                return found
            query = ("&" if "?" in path else "?") + f"cursor={page.json['next']}"

    async def furnish(self) -> None:
        """Two teams with everything that a team can have."""
        await self.made("areas", {"id": "retail"})
        for team in ("a", "b", "platform"):
            await self.made("teams", {"id": team, "area": "retail"})
        for team in ("a", "b"):
            await self.made(f"teams/{team}/applications", {"id": f"app-{team}"})
            await self.made(f"teams/{team}/users", {"id": f"user-{team}"})
            await self.made("keys", {"id": f"vk_key-{team}", "owner": f"teams/{team}/applications/app-{team}"})
            await self.made("policies", {"id": f"pol_on-{team}", "scope": f"keys/vk_key-{team}"})
            await self.made(
                "budgets", {"id": f"bud_on-{team}", "scope": f"teams/{team}/users/user-{team}", "amount": 7}
            )
        await self.made("policies", {"id": "pol_team-a", "scope": "teams/a", "max_output_tokens": 4711})
        await self.bookkeeping.furnish()


async def _pieces(raw: bytes) -> AsyncGenerator[bytes]:
    if raw:
        yield raw


def reply(response: GatewayResponse) -> Reply:
    assert isinstance(response.body, bytes)
    return Reply(response.status, dict(response.headers), response.body)
