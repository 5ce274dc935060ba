"""Speaks to the management API: plain calls in, plain JSON or a Refused out."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Self

import httpx

from cli.errors import CommandFailed, Mistake, Refused, Unreachable, refused

RETRIES = 3
MOST_WAIT_S = 30.0
PAGE = 200
# Azure gives up on a silent answer after 230 s, and so is the longest that an answer can take.
_TIMEOUT = httpx.Timeout(240.0, connect=10.0)


class Client:
    """`token` gives what stands behind `Bearer`. `uses_proxy` is false for this machine, where a proxy would see the key."""

    def __init__(self, url: str, token: Callable[[], str], sleep: Callable[[float], None], *, uses_proxy: bool) -> None:
        self._url = url
        self._token = token
        self._sleep = sleep
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=uses_proxy, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: object) -> dict[str, Any]:
        return self._json("GET", path, query=query, is_safe=True)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, is_safe: bool = False) -> dict[str, Any]:
        """`is_safe` says that the call changes nothing, so that it may be sent again."""
        return self._json("POST", path, body={} if body is None else body, is_safe=is_safe)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """Change something that answers with nothing."""
        self._answer(method, path, {}, body, is_safe=False)

    def content(self, path: str) -> Iterator[bytes]:
        """Yield what a file of the gateway holds, piece by piece."""
        headers = {"authorization": f"Bearer {self._token()}"}
        try:
            with self._http.stream("GET", f"{self._url}/api/v1/{path}", headers=headers) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise self._unreachable(f"cannot be reached ({type(error).__name__})") from None

    def upload(self, path: str, file: BinaryIO, content_type: str) -> dict[str, Any]:
        """Send a file as it is read, and return the answer."""
        headers = {"authorization": f"Bearer {self._token()}", "content-type": content_type}
        try:
            response = self._http.post(f"{self._url}/api/v1/{path}", content=file, headers=headers)
        except httpx.HTTPError as error:
            raise self._unreachable(f"cannot be reached ({type(error).__name__})") from None
        if not response.is_success:
            raise _refusal(response)
        return _parsed(response) or {}

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)

    def delete(self, path: str) -> None:
        self._answer("DELETE", path, {}, None, is_safe=False)

    def pages(self, path: str, most: int | None = None, **query: object) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page after page, `most` of them."""
        cursor: object = None
        left = most
        while left is None or left > 0:
            limit = PAGE if left is None else min(PAGE, left)
            page = self.get(path, limit=limit, cursor=cursor, **query)
            items = objects(page, "data")
            yield from items[:limit]
            left = None if left is None else left - len(items)
            cursor = page.get("next")
            if not cursor:
                return

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        is_safe: bool,
    ) -> dict[str, Any]:
        answer = _parsed(self._answer(method, path, query or {}, body, is_safe=is_safe))
        if answer is None:
            raise refused("The answer is not one of the management API; check the address.")
        return answer

    def _answer(
        self, method: str, path: str, query: Mapping[str, object], body: Mapping[str, Any] | None, *, is_safe: bool
    ) -> httpx.Response:
        for _ in range(RETRIES if is_safe else 0):
            response = self._send(method, path, query, body)
            if response.status_code != 503:
                break
            self._sleep(_wait(response))
        else:
            response = self._send(method, path, query, body)
        if not response.is_success:
            raise _refusal(response)
        return response

    def _send(
        self, method: str, path: str, query: Mapping[str, object], body: Mapping[str, Any] | None
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._token()}", "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        try:
            return self._http.request(
                method,
                f"{self._url}/api/v1/{path}",
                params={name: str(value) for name, value in query.items() if value is not None},
                # ASCII, because what cannot be said in UTF-8 shall be refused by the gateway and not fail here.
                content=None if body is None else json.dumps(body).encode("ascii"),
                headers=headers,
            )
        except httpx.TimeoutException:
            raise self._unreachable("did not answer in time") from None
        except (httpx.InvalidURL, UnicodeError):
            raise refused("The address or an argument is not valid text.") from None
        except httpx.HTTPError as error:
            raise self._unreachable(f"cannot be reached ({type(error).__name__})") from None

    def _unreachable(self, how: str) -> Unreachable:
        return Unreachable([Mistake("", f"{self._url} {how}.")])


def required(answer: Mapping[str, Any], name: str) -> str:
    """Return a text of an answer. Raises Refused where it is not there."""
    value = answer.get(name)
    if not isinstance(value, str):
        raise refused(f"The gateway's answer lacks {name}; is this client older or newer than the gateway?")
    return value


def objects(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a list of an answer. Raises Refused where it is not there."""
    items = answer.get(name)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise refused(f"The gateway's answer lacks {name}; is this client older or newer than the gateway?")
    return items


def _parsed(response: httpx.Response) -> dict[str, Any] | None:
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _refusal(response: httpx.Response) -> CommandFailed:
    """Tell what a problem document says; of an answer that is none, the status alone."""
    status = f"{response.status_code} {response.reason_phrase}".strip()
    if response.is_redirect:
        return refused(f"{status}: the gateway is at another address, and redirects are not followed.")
    answer = _parsed(response) or {}
    errors = answer.get("errors")
    if isinstance(errors, list) and errors and all(isinstance(item, dict) for item in errors):
        return Refused([Mistake(str(item.get("field", "")), str(item.get("message", ""))) for item in errors])
    detail = answer.get("detail")
    return refused(detail if isinstance(detail, str) else f"{status}, and not from the management API.")


def _wait(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return min(float(value), MOST_WAIT_S) if value.isdecimal() and value.isascii() else 1.0
