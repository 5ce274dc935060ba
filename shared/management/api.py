"""The management API: from the request to the answer, the same way for every operation."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ValidationError

from shared.callers.model import Caller
from shared.documents import StoreUnavailable
from shared.errors import GatewayError
from shared.fields import Strict
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.ids import new_id
from shared.management.body import read_object, read_stream
from shared.management.call import Answer, Call, Operation
from shared.management.openapi import document_of
from shared.management.operations import operations
from shared.management.ports import Parts
from shared.management.problems import (
    FieldError,
    Forbidden,
    Invalid,
    Problem,
    TooSlow,
    Unreachable,
    field_errors,
    invalid,
    problem_of,
)
from shared.management.router import Match, Router

READ_S = 30.0


class NoQuery(Strict):
    pass


class ManagementApi:
    """Answers every request below `/api/v1/`; nothing that can be foreseen is raised."""

    def __init__(self, parts: Parts) -> None:
        table = operations(has_secrets=parts.secrets is not None, has_books=parts.books is not None)
        self._parts = parts
        self._router = Router(table)
        self._document = orjson.dumps(document_of(table))

    async def handle(self, request: GatewayRequest) -> GatewayResponse:
        request_id = new_id("req", self._parts.clock.now())
        try:
            return await self._answer(request, request_id)
        except (Problem, GatewayError) as error:
            return problem_of(error, request_id)
        except StoreUnavailable:
            return problem_of(Unreachable(), request_id)

    async def _answer(self, request: GatewayRequest, request_id: str) -> GatewayResponse:
        match = self._router.find(request.method, request.path)
        if match.operation.handler is None:
            return GatewayResponse(
                200, [("content-type", "application/json"), ("x-request-id", request_id)], self._document
            )
        caller = await self._parts.callers.identify(request.headers, request.address)
        return _response(match.operation, await self._carried_out(request, request_id, match, caller), request_id)

    async def perform(self, request: GatewayRequest, caller: Caller) -> Answer:
        """Carry out an operation for somebody who is known already: what pages show is what the API answers.

        Raises Problem, GatewayError and StoreUnavailable.
        """
        match = self._router.find(request.method, request.path)
        return await self._carried_out(request, new_id("req", self._parts.clock.now()), match, caller)

    async def _carried_out(self, request: GatewayRequest, request_id: str, match: Match, caller: Caller) -> Answer:
        operation = match.operation
        if caller.role not in operation.roles:
            raise Forbidden(f"Your role, {caller.role}, does not allow this.")
        assert operation.handler is not None
        return await operation.handler(await self._call(request, request_id, match, caller))

    async def _call(self, request: GatewayRequest, request_id: str, match: Match, caller: Caller) -> Call:
        operation = match.operation
        return Call(
            parts=self._parts,
            caller=caller,
            request_id=request_id,
            path=match.path,
            query=_query(operation, request.query),
            body=await _body(operation, request),
            if_match=_if_match(request),
        )


async def _body(operation: Operation, request: GatewayRequest) -> Any:
    if operation.takes is not None:
        return read_stream(request, operation.takes)
    if operation.request is None:
        return None
    try:
        async with asyncio.timeout(READ_S):
            body = await read_object(request, is_required=not operation.may_be_empty)
    except TimeoutError:
        raise TooSlow("The body did not arrive in time.") from None
    return body if operation.is_raw else _validated(operation.request, body)


def _query(operation: Operation, query: str) -> BaseModel:
    pairs = parse_qsl(query, keep_blank_values=True)
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Invalid([FieldError("query", "names a parameter twice")])
    return _validated(operation.query or NoQuery, found)


def _validated(model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(field_errors(error)) from None


def _if_match(request: GatewayRequest) -> tuple[str, ...] | None:
    """Return the entity tags of all headers of this name; a weak one never matches."""
    values = [value for name, value in request.header_list if name.lower() == "if-match"]
    if not values:
        return None
    tags = tuple(tag.strip() for value in values for tag in value.split(",") if tag.strip())
    if not tags:
        raise invalid("if-match", "must be an ETag or *")
    return tags


def _response(operation: Operation, answer: Answer, request_id: str) -> GatewayResponse:
    headers = [("x-request-id", request_id), ("cache-control", "no-store"), *answer.headers]
    if answer.content is not None:
        return GatewayResponse(operation.status, headers, answer.content)
    if answer.body is None:
        return GatewayResponse(operation.status, headers, b"")
    return GatewayResponse(
        operation.status, [("content-type", "application/json"), *headers], orjson.dumps(answer.body)
    )
