"""GET /v1/organization/costs and /v1/organization/usage/…: the ledger in OpenAI's own shape, for tools that were made for OpenAI."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from shared.callers.model import Caller
from shared.clock import Clock
from shared.directory.model import Role
from shared.documents import StoreUnavailable
from shared.errors import GatewayError, MethodNotAllowed, NotFound, Unavailable
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.ledger.model import Dimensions, Sums
from shared.management.authority import READERS
from shared.management.folding import OTHERS
from shared.management.organization_figures import Group, Ledger, Sight, figures, group_of, line_items, shortened
from shared.management.organization_query import Offer, Query, parse
from shared.management.organization_results import CATEGORIES, amount_of, usage_result
from shared.management.turns import PROCESS, Turns
from shared.wire.openai.errors import error_body, error_headers

_PREFIX = "/v1/organization/"
_COSTS = Offer(
    widths=("1d",),
    group_by=("project_id", "user_id", "api_key_id", "line_item"),
    filters=("project_ids", "user_ids", "api_key_ids", "line_items"),
)
_COST_NAMES = ("project_id", "user_id", "api_key_id")
_CURRENCY, _ITEM = 3, 4


class People(Protocol):
    async def identify(self, headers: Mapping[str, str], peer: str) -> Caller: ...


class OrganizationUnavailable(Unavailable):
    def __init__(self) -> None:
        super().__init__("The ledger cannot be read right now. Try again.", headers={"retry-after": "2"})


@dataclass(frozen=True, slots=True)
class OrganizationApi:
    """Answers every request below `/v1/organization/`; nothing that can be foreseen is raised."""

    people: People
    ledger: Ledger
    clock: Clock
    time_zone: str
    turns: Turns = PROCESS

    async def handle(self, request: GatewayRequest) -> GatewayResponse:
        try:
            caller = await self.people.identify(request.headers, request.address)
            with self.turns.taken(caller.id):
                results = await self._answer(request, sight_of(caller))
        except GatewayError as error:
            return _refusal(error)
        except StoreUnavailable:
            return _refusal(OrganizationUnavailable())
        return GatewayResponse(200, [("content-type", "application/json"), ("cache-control", "no-store")], results)

    async def _answer(self, request: GatewayRequest, sight: Sight) -> bytes:
        resource = request.path.removeprefix(_PREFIX).rstrip("/")
        if resource != "costs" and resource.removeprefix("usage/") not in CATEGORIES:
            raise NotFound(f"Unknown request URL: {request.path[:200]}.", code="unknown_url")
        if request.method != "GET":
            raise MethodNotAllowed("Only GET is allowed on this address.", headers={"allow": "GET"})
        if resource == "costs":
            return await self._costs(self._parsed(request.query, _COSTS), sight)
        return await self._usage(request.query, resource.removeprefix("usage/"), sight)

    def _parsed(self, raw: str, offer: Offer) -> Query:
        return shortened(parse(raw, offer, self.clock.now()), self.time_zone)

    async def _costs(self, query: Query, sight: Sight) -> bytes:
        by_item, wanted = "line_item" in query.group_by, query.filters.get("line_items")

        def divide(dimensions: Dimensions, sums: Sums) -> Iterator[tuple[Group, Sums]]:
            group = (*group_of(query, dimensions, _COST_NAMES), dimensions.currency.lower())
            if not by_item and wanted is None:
                yield (*group, None), {name: sums[name] for name in ("cost", "unpriced") if name in sums}
                return
            for item, part in line_items(dimensions, sums):
                if wanted is None or item in wanted:
                    yield (*group, item if by_item else None), part

        def result(group: Group, sums: Sums) -> dict[str, object] | None:
            if not sums:
                return None
            unpriced = sums.get("unpriced", 0)
            return {
                "object": "organization.costs.result",
                "amount": amount_of(
                    sums.get("cost"), str(group[_CURRENCY]), is_unknown="cost" not in sums and unpriced > 0
                ),
                "line_item": group[_ITEM],
                **dict(zip(_COST_NAMES, group, strict=False)),
                "quantity": None,
                "quantity_unit": None,
                "api_source": None,
                **({"unpriced_requests": unpriced} if unpriced > 0 else {}),
            }

        def rest_of(group: Group) -> Group:
            *names, currency, _ = group
            return (*_folded(query, _COST_NAMES, names), currency, OTHERS if by_item else None)

        return _page(query, await figures(self.ledger, self.time_zone, query, sight, divide, rest_of), result)

    async def _usage(self, raw: str, name: str, sight: Sight) -> bytes:
        category = CATEGORIES[name]
        query = self._parsed(raw, category.offer)

        def divide(dimensions: Dimensions, sums: Sums) -> Iterator[tuple[Group, Sums]]:
            if (dimensions.endpoint or "") in category.endpoints:
                yield group_of(query, dimensions, category.offer.group_by), sums

        def result(group: Group, sums: Sums) -> dict[str, object] | None:
            return usage_result(name, group, sums)

        def rest_of(group: Group) -> Group:
            return _folded(query, category.offer.group_by, group)

        return _page(query, await figures(self.ledger, self.time_zone, query, sight, divide, rest_of), result)


def _folded(query: Query, names: Sequence[str], group: Sequence[str | bool | None]) -> Group:
    """Return what stands for many groups; whether something came in a batch has no word for both."""
    told = zip(names, group, strict=True)
    return tuple(OTHERS if name in query.group_by and not isinstance(value, bool) else None for name, value in told)


def sight_of(caller: Caller) -> Sight:
    """Operators and auditors see everything, team admins their team, developers their own key."""
    if caller.role in READERS:
        return Sight(None)
    own = frozenset({caller.team})
    return Sight(own) if caller.role is Role.TEAM_ADMIN else Sight(own, caller.attribution.key)


def _refusal(error: GatewayError) -> GatewayResponse:
    return GatewayResponse(error.status, error_headers(error), error_body(error))


def _page(
    query: Query, buckets: list[dict[Group, Sums]], result: Callable[[Group, Sums], dict[str, object] | None]
) -> bytes:
    start = int(query.window.start.timestamp())
    listed = []
    for number, groups in enumerate(buckets):
        begin = start + number * query.seconds
        results = (result(group, groups[group]) for group in sorted(groups, key=str))
        listed.append(
            {
                "object": "bucket",
                "start_time": begin,
                "end_time": begin + query.seconds,
                "results": [found for found in results if found is not None],
            }
        )
    return orjson.dumps(
        {"object": "page", "data": listed, "has_more": query.next_page is not None, "next_page": query.next_page}
    )
