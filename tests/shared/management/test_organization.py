"""Tools that were made for OpenAI's usage and costs API see what the ledger holds, to the last digit."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI

from shared.directory.model import Role
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.jobs.counted_ledger import CountedLedger
from shared.keys.errors import KeyUnknown
from shared.ledger.model import Capacity, Dimensions, Entry, EntryType
from shared.ledger.service import LedgerService
from shared.management.folding import Folding
from shared.management.organization import OrganizationApi
from shared.reconciliation.zone import ZoneStore
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.management.office import caller

DAY = datetime(2026, 3, 2, tzinfo=UTC)
START = int(DAY.timestamp())
NANO = 10**9


PEOPLE = {
    "root": caller("root", Role.PLATFORM_ADMIN, "teams/platform"),
    "auditor": caller("auditor", Role.AUDITOR, "teams/platform"),
    "admin-a": caller("admin-a", Role.TEAM_ADMIN, "teams/a"),
    "dev-a": caller("dev-a", Role.DEVELOPER, "teams/a"),
}


class People:
    async def identify(self, headers: Mapping[str, str], peer: str) -> Any:
        try:
            return PEOPLE[headers.get("authorization", "").removeprefix("Bearer ")]
        except KeyError:
            raise KeyUnknown from None


def entry(number: int, at: datetime = DAY, **more: Any) -> Entry:
    """An entry of team a that cost its number in nano-dollars, for as many input tokens."""
    own = {name: more.pop(name) for name in ("sums", "cost", "lines", "unpriced") if name in more}
    dimensions = Dimensions(
        **{
            "team": "a",
            "key": "vk_dev-a",
            "endpoint": "chat.completions",
            "model": "gpt-4o",
            "provider": "azure_openai",
        }
        | more
    )
    one = Entry(
        id=f"led_{number}",
        at=at,
        posted_at=at,
        dimensions=dimensions,
        sums={"requests": 1, "tokens.input_fresh": number},
        cost=number,
        lines={"input_fresh": number},
    )
    return replace(one, **own)


class Books:
    def __init__(self, time_zone: str = "UTC") -> None:
        self.clock = FakeClock(DAY + timedelta(days=3))
        self.documents = MemoryDocuments(self.clock)
        self.service = LedgerService(self.documents, self.clock, time_zone=time_zone)
        self.api = OrganizationApi(
            People(), CountedLedger(self.documents, self.clock, time_zone), self.clock, time_zone
        )

    async def post(self, *entries: Entry) -> None:
        await self.service.post(entries)

    async def get(self, path: str, query: str = "", by: str = "root", method: str = "GET") -> tuple[int, Any]:
        answer = await self.raw(path, query, by, method)
        assert isinstance(answer.body, bytes)
        return answer.status, orjson.loads(answer.body)

    async def raw(self, path: str, query: str = "", by: str = "root", method: str = "GET") -> GatewayResponse:
        async def nothing() -> Any:
            for piece in list[bytes]():
                yield piece

        headers = {"authorization": f"Bearer {by}"}
        return await self.api.handle(
            GatewayRequest(method, f"/v1/organization/{path}", query, headers, list(headers.items()), nothing)
        )

    async def results(self, path: str, query: str, by: str = "root") -> list[Any]:
        status, page = await self.get(path, f"start_time={START}&{query}", by)
        assert status == 200, page
        return [result for bucket in page["data"] for result in bucket["results"]]

    def client(self, by: str = "root") -> AsyncOpenAI:
        async def answer(request: httpx2.Request) -> httpx2.Response:
            path = request.url.path.removeprefix("/v1/organization/")
            got = await self.raw(
                path, request.url.query.decode(), request.headers["authorization"].removeprefix("Bearer ")
            )
            assert isinstance(got.body, bytes)
            return httpx2.Response(got.status, headers=got.headers, content=got.body)

        web = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        return AsyncOpenAI(
            api_key=by, admin_api_key=by, base_url="http://gateway.example/v1", http_client=web, max_retries=0
        )


@pytest.fixture
def books() -> Books:
    return Books()


async def test_openais_own_sdk_reads_costs(books: Books) -> None:
    await books.post(entry(32_500), entry(2 * NANO, DAY + timedelta(days=1), project="apollo"))

    page = await books.client().admin.organization.usage.costs(
        start_time=START, end_time=START + 3 * 86_400, group_by=["project_id", "line_item"], limit=10
    )

    assert [(bucket.start_time, bucket.end_time) for bucket in page.data] == [
        (START + n * 86_400, START + (n + 1) * 86_400) for n in range(3)
    ]
    (first,), (second,), nothing = [bucket.results for bucket in page.data]
    assert first.to_dict() | {"amount": None} == {
        "object": "organization.costs.result",
        "amount": None,
        "line_item": "gpt-4o, input_fresh",
        "project_id": "a",
        "user_id": None,
        "api_key_id": None,
        "api_source": None,
        "quantity": None,
        "quantity_unit": None,
    }
    assert first.amount.value == 0.0000325  # type: ignore[union-attr]
    assert (second.project_id, second.amount.value) == ("apollo", 2)  # type: ignore[union-attr]
    assert nothing == []


async def test_openais_own_sdk_reads_usage(books: Books) -> None:
    sums = {"requests": 3, "errors.refused": 1, "tokens.input_fresh": 70, "tokens.input_cached": 30, "tokens.input_audio": 5,
            "tokens.output_text": 8, "tokens.output_reasoning": 2, "tokens.output_audio": 1}  # fmt: skip
    await books.post(entry(1, sums=sums), entry(2, tier="batch", user="ada"))

    page = await books.client().admin.organization.usage.completions(
        start_time=START, bucket_width="1h", group_by=["model", "batch", "user_id"], models=["gpt-4o"], limit=2
    )

    batch, plain = page.data[0].results
    assert (plain.input_tokens, plain.output_tokens, plain.input_cached_tokens) == (105, 11, 30)  # type: ignore[union-attr]
    assert (plain.input_audio_tokens, plain.output_audio_tokens, plain.num_model_requests) == (5, 1, 2)  # type: ignore[union-attr]
    assert (plain.model, plain.batch, plain.user_id, plain.project_id) == ("gpt-4o", False, None, None)  # type: ignore[union-attr]
    assert (batch.batch, batch.user_id) == (True, "ada")  # type: ignore[union-attr]
    assert (page.has_more, page.data[1].results) == (True, [])


async def test_an_amount_has_every_digit_and_was_never_a_float(books: Books) -> None:
    await books.post(entry(123_456_789_012_345_678))

    answer = await books.raw("costs", f"start_time={START}")

    assert isinstance(answer.body, bytes)
    assert b'"value":123456789.012345678,' in answer.body


async def test_what_has_no_price_is_not_free(books: Books) -> None:
    await books.post(entry(7, cost=None, lines={}, unpriced=("price",)))

    (whole,) = await books.results("costs", "")
    (item,) = await books.results("costs", "group_by=line_item")

    assert (whole["amount"], whole["unpriced_requests"]) == ({"value": None, "currency": "usd"}, 1)
    assert (item["amount"]["value"], item["line_item"]) == (None, "gpt-4o, unpriced")


async def test_costs_that_no_call_caused_are_items_too(books: Books) -> None:
    pool = entry(
        5,
        type=EntryType.ALLOCATION,
        model=None,
        endpoint=None,
        key=None,
        capacity=Capacity.PROVISIONED,
        sums={},
        lines={},
    )
    await books.post(pool, entry(-2, type=EntryType.ADJUSTMENT, sums={}, lines={}))

    items = await books.results("costs", "group_by=line_item")

    assert {item["line_item"]: item["amount"]["value"] for item in items} == {
        "provisioned capacity": 5e-9,
        "adjustments": -2e-9,
    }


async def test_a_price_that_came_later_leaves_nothing_without_one(books: Books) -> None:
    priced = entry(7, type=EntryType.ADJUSTMENT, sums={"unpriced": -1}, lines={})
    await books.post(entry(6, cost=None, lines={}, unpriced=("price",)), priced)

    (item,) = await books.results("costs", "group_by=line_item")

    assert (item["line_item"], item["amount"]["value"]) == ("adjustments", 7e-9)
    assert "unpriced_requests" not in item


async def test_currencies_are_not_added(books: Books) -> None:
    await books.post(entry(1), entry(2, currency="EUR"))

    assert {item["amount"]["currency"] for item in await books.results("costs", "")} == {"usd", "eur"}


_MOMENTS = st.integers(0, 3 * 86_400 - 1)
_ENTRIES = st.lists(
    st.tuples(_MOMENTS, st.integers(1, 10**12), st.sampled_from("ab"), st.sampled_from(["gpt-4o", "gpt-5", None])),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(
    _ENTRIES,
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.booleans(),
    st.integers(1, 5),
)
async def test_all_pages_together_are_the_ledgers_total_in_every_time_zone(
    drawn: list[tuple[int, int, str, str | None]], zone: str, by_item: bool, limit: int
) -> None:
    books = Books(zone)
    rows = [
        entry(n, DAY + timedelta(seconds=at), cost=cost, lines={"input_fresh": cost // 2}, team=team, model=model)
        for n, (at, cost, team, model) in enumerate(drawn, 1)
    ]
    if rows:
        await books.post(*rows)
    query = f"start_time={START}&limit={limit}" + ("&group_by=line_item&group_by[]=project_id" if by_item else "")
    found: dict[int, Decimal] = {}
    page = ""
    while True:
        answer = await books.raw("costs", query + page)
        assert isinstance(answer.body, bytes)
        body = json.loads(answer.body, parse_float=Decimal, parse_int=int)
        for bucket in body["data"]:
            total = sum((Decimal(result["amount"]["value"]) for result in bucket["results"]), Decimal())
            found[bucket["start_time"]] = total
        if not body["has_more"]:
            break
        page = f"&page={body['next_page']}"

    for number in range(3):
        expected = sum(cost for at, cost, _, _ in drawn if at // 86_400 == number)
        assert found[START + number * 86_400] * NANO == expected


@pytest.mark.parametrize(("width", "seconds"), [("1m", 60), ("1h", 3600), ("1d", 86_400)])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
async def test_buckets_begin_with_the_minutes_hours_and_days_of_utc(zone: str, width: str, seconds: int) -> None:
    books = Books(zone)
    await books.post(entry(10, DAY + timedelta(seconds=seconds - 1)), entry(20, DAY + timedelta(seconds=seconds)))

    _, page = await books.get("usage/completions", f"start_time={START + 30}&bucket_width={width}&limit=2")

    assert [bucket["start_time"] for bucket in page["data"]] == [START, START + seconds]
    assert [bucket["results"][0]["input_tokens"] for bucket in page["data"]] == [10, 20]


async def test_who_may_see_what(books: Books) -> None:
    await books.post(entry(1), entry(2, key="vk_other"), entry(4, team="b", key="vk_b"))
    sums = {
        by: sum(result["input_tokens"] for result in await books.results("usage/completions", "", by))
        for by in ("root", "auditor", "admin-a", "dev-a")
    }

    assert sums == {"root": 7, "auditor": 7, "admin-a": 3, "dev-a": 1}


async def test_nobody_sees_more_by_asking_for_it(books: Books) -> None:
    await books.post(entry(4, team="b", key="vk_b", project="b"))

    for by in ("admin-a", "dev-a"):
        assert await books.results("costs", "project_ids=b&api_key_ids=vk_b", by) == []


@pytest.mark.parametrize(
    ("path", "endpoint", "sums", "told"),
    [
        ("embeddings", "embeddings", {"requests": 1, "tokens.input_fresh": 9}, {"input_tokens": 9, "num_model_requests": 1}),
        ("moderations", "moderations", {"requests": 2}, {"input_tokens": 0, "num_model_requests": 2}),
        ("images", "images.edits", {"requests": 1, "units.images": 3}, {"images": 3, "num_model_requests": 1}),
        ("audio_speeches", "audio.speech", {"requests": 1, "units.characters": 5}, {"characters": 5, "num_model_requests": 1}),
        ("audio_transcriptions", "audio.translations", {"requests": 1, "units.audio_ms": 1500}, {"seconds": 2, "num_model_requests": 1}),
        ("code_interpreter_sessions", "containers.create", {"requests": 3, "errors.upstream": 1}, {"num_sessions": 2}),
    ],
)  # fmt: skip
async def test_every_category_tells_its_own(
    books: Books, path: str, endpoint: str, sums: dict[str, int], told: dict[str, int]
) -> None:
    await books.post(entry(1, endpoint=endpoint, sums=sums), entry(2, endpoint="responses"))

    (result,) = await books.results(f"usage/{path}", "group_by=project_id")

    assert {name: result[name] for name in told} == told
    assert (result["object"], result["project_id"]) == (f"organization.usage.{path}.result", "a")


async def test_of_vector_stores_nothing_is_claimed(books: Books) -> None:
    await books.post(entry(1, endpoint="vector_stores.create"))

    assert await books.results("usage/vector_stores", "") == []


async def test_what_was_only_refused_is_no_usage(books: Books) -> None:
    await books.post(entry(0, sums={"requests": 1, "errors.refused": 1}, lines={}))

    assert await books.results("usage/completions", "") == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("", "start_time"),
        ("start_time=now", "start_time"),
        (f"start_time={START}000", "start_time"),
        (f"start_time={START}&start_time={START}", "start_time"),
        (f"start_time={START}&end_time={START}", "end_time"),
        (f"start_time={START}&bucket_width=1w", "bucket_width"),
        (f"start_time={START}&limit=0", "limit"),
        (f"start_time={START}&limit=32", "limit"),
        (f"start_time={START}&limit=9999999999999999999999", "limit"),
        (f"start_time={START}&group_by=size", "group_by"),
        (f"start_time={START}&batch=maybe", "batch"),
        (f"start_time={START}&page=page_MQ==", "page"),
        (f"start_time={START}&page=%ff", "page"),
        (f"start_time={START}&sizes=256x256", "sizes"),
        (f"start_time={START}&models={'x' * 201}", "models"),
        (f"start_time={START}" + "&models=x" * 101, "models"),
    ],
)
async def test_a_wrong_question_is_told_which_parameter_is_wrong(books: Books, query: str, param: str) -> None:
    status, body = await books.get("usage/completions", query)

    assert (status, body["error"]["param"], body["error"]["type"]) == (400, param, "invalid_request_error")


async def test_errors_are_openais(books: Books) -> None:
    assert (await books.get("costs", f"start_time={START}", by="nobody"))[0] == 401
    assert (await books.get("usage/pizzas", f"start_time={START}"))[1]["error"]["code"] == "unknown_url"
    assert (await books.get("costs", f"start_time={START}", method="POST"))[0] == 405
    assert (await books.get("usage/completions", f"start_time={START}&\x00=1"))[0] == 400
    books.documents.is_down = True
    assert (await books.get("costs", f"start_time={START}"))[0] == 503


async def test_a_filter_lets_through_what_it_names(books: Books) -> None:
    await books.post(entry(1, user="ada"), entry(2, user="bob"), entry(4, model="gpt-5", user="ada"))

    both = await books.results("usage/completions", "user_ids=ada&models[]=gpt-4o&models[]=gpt-5&group_by=model")
    items = await books.results("costs", "line_items=gpt-5, input_fresh")

    assert {result["model"]: result["input_tokens"] for result in both} == {"gpt-4o": 1, "gpt-5": 4}
    assert [item["amount"]["value"] for item in items] == [4e-9]


async def test_many_names_are_told_together_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Folding.__init__
    monkeypatch.setattr(Folding, "__init__", lambda self, place_of: init(self, place_of, most=2))
    books = Books()
    await books.post(*(entry(number, model=f"zz-{number}") for number in range(1, 6)))

    found = await books.results("usage/completions", "group_by=model")
    costs = await books.results("costs", "group_by=line_item")

    assert [(each["model"], each["input_tokens"]) for each in found] == [("(others)", 6), ("zz-4", 4), ("zz-5", 5)]
    assert costs[0]["line_item"] == "(others)"
    assert sum(Decimal(str(each["amount"]["value"])) for each in costs) == Decimal("15e-9")


async def test_who_asks_too_much_at_once_is_told_in_openais_shape() -> None:
    books = Books()
    with books.api.turns.taken("vk_dev-a"), books.api.turns.taken("vk_dev-a"):
        status, told = await books.get("costs", f"start_time={START}", by="dev-a")

    assert (status, told["error"]["code"]) == (429, "rate_limit_exceeded")


@pytest.mark.parametrize(("zone", "days"), [("UTC", 180), ("Europe/Berlin", 100), ("Asia/Kolkata", 7)])
async def test_a_page_is_as_long_as_can_be_read_at_once(zone: str, days: int) -> None:
    books = Books(zone)
    query = f"start_time={START - 200 * 86400}&limit=180"
    _, page = await books.get("costs", query)
    _, following = await books.get("costs", f"{query}&page={page['next_page']}")

    assert (len(page["data"]), page["has_more"]) == (days, True)
    assert following["data"][0]["start_time"] == page["data"][-1]["end_time"]


@pytest.mark.parametrize("path", ["costs", "usage/completions"])
async def test_while_the_books_are_counted_anew_tools_are_told_to_come_back(books: Books, path: str) -> None:
    await books.post(entry(1))
    await ZoneStore(books.documents, books.clock, "Asia/Kolkata").state()

    answer = await books.raw(path, f"start_time={START}")

    assert isinstance(answer.body, bytes)
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "300")
    assert orjson.loads(answer.body)["error"]["code"] == "books_recounted"
