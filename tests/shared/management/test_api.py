from collections.abc import AsyncGenerator, Mapping

import pytest

from shared.callers.model import Caller
from shared.documents import StoreUnavailable
from shared.errors import Unavailable
from shared.gateway.message import GatewayRequest
from shared.management.body import MAX_BYTES
from tests.fakes import MemoryDocuments
from tests.shared.management.office import ADMIN_A, ROOT, Office, reply


@pytest.mark.parametrize(
    "path",
    [
        *["", "nothing", "teams/", "/teams", "teams/a/keys", "teams/a|users|x", "keys/%2e", "teams/ü"],
        *[
            "teams/{team}",
            "keys/{key}",
            "budgets/{budget}/status",
            "teams/a/users/{user}",
            "teams/{}",
            "secrets/{name}",
        ],
    ],
)
async def test_an_unknown_address_is_not_found(furnished: Office, path: str) -> None:
    answer = await furnished.call("GET", path)

    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json["instance"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "teams", "GET, HEAD, POST"),
        ("GET", "apply", "POST"),
        ("OPTIONS", "teams/a", "DELETE, GET, HEAD, PATCH, PUT"),
        ("POST", "organization", "GET, HEAD, PATCH, PUT"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(office: Office, method: str, path: str, allow: str) -> None:
    answer = await office.call(method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allow)


async def test_a_problem_says_what_is_wrong_and_nothing_of_what_was_sent(office: Office) -> None:
    answer = await office.call("POST", "areas", {"id": "no spaces", "name": 5})

    assert answer.json == {
        "type": "urn:tollgate:problem:invalid_fields",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": answer.json["detail"],
        "instance": answer.headers["x-request-id"],
        "errors": [
            {
                "field": "id",
                "message": "takes letters, digits, dots, underscores and hyphens, at most 64, and must begin with a letter or digit",
            },
            {"field": "name", "message": "Input should be a valid string"},
        ],
    }
    assert b"no spaces" not in answer.raw


async def test_a_head_request_is_answered_as_a_get(office: Office) -> None:
    assert (await office.call("HEAD", "areas/filed")).etag == (await office.call("GET", "areas/filed")).etag


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"id": NaN}', 400),
        (b'{"id": "\\ud800"}', 400),
        (b"[" * 40, 400),
        (b"", 415),
        (b'{"id": "x", "id": "y"}', 422),
        (b'{"id": "' + b"x" * MAX_BYTES + b'"}', 413),
    ],
)
async def test_what_is_no_sound_json_is_refused(office: Office, body: bytes, status: int) -> None:
    assert (await office.call("POST", "areas", body)).status == status


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_taken(office: Office, content_type: str) -> None:
    answer = await office.call("POST", "areas", {"id": "x"}, headers={"content-type": content_type})

    assert answer.status == 415


@pytest.mark.parametrize(
    "path", ["organization", "areas", "teams/a", "keys/vk_key-a/rotate", "audit", "audit/verify", "apply"]
)
async def test_a_store_that_is_down_is_never_the_callers_fault(furnished: Office, path: str) -> None:
    assert isinstance(furnished.documents, MemoryDocuments)
    furnished.documents.is_down = True

    method, body = (
        ("POST", {"resources": {}} if path == "apply" else {})
        if path in ("apply", "keys/vk_key-a/rotate")
        else ("GET", None)
    )
    answer = await furnished.call(method, path, body)

    assert (answer.status, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize("error", [Unavailable("not now"), StoreUnavailable("not now")])
async def test_who_cannot_be_identified_right_now_is_not_turned_away(office: Office, error: Exception) -> None:
    async def identify(headers: Mapping[str, str], address: str) -> Caller:
        raise error

    office.people.identify = identify  # type: ignore[method-assign]

    assert (await office.call("GET", "me")).status == 503


async def test_the_address_of_the_caller_is_passed_on(office: Office) -> None:
    seen: list[str] = []

    async def identify(headers: Mapping[str, str], address: str) -> Caller:
        seen.append(address)
        return office.people.known[ROOT]

    async def nothing() -> AsyncGenerator[bytes]:
        return
        yield

    office.people.identify = identify  # type: ignore[method-assign]
    request = GatewayRequest("GET", "/api/v1/me", "", {}, [], nothing, "10.0.0.7")

    assert reply(await office.api.handle(request)).status == 200
    assert seen == ["10.0.0.7"]


async def test_who_calls_without_a_key_is_told_how(office: Office) -> None:
    answer = await office.call("GET", "me", by=None)

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_operations_on_secrets_exist_only_where_there_is_a_place_for_them() -> None:
    from dataclasses import replace

    from shared.management.api import ManagementApi

    office = Office()
    office.api = ManagementApi(replace(office.parts, secrets=None))

    assert (await office.call("GET", "secrets")).status == 404
    assert "/secrets" not in (await office.call("GET", "openapi.json")).json["paths"]


async def test_answers_are_not_kept_by_anybody_on_the_way(furnished: Office) -> None:
    assert (await furnished.call("GET", "teams/a", by=ADMIN_A)).headers["cache-control"] == "no-store"
