"""The caller's own tags for cost allocation, from `x-gateway-tags`, `x-gateway-pr` and the request's `metadata`."""

import re
from collections.abc import Iterator, Mapping

from shared.errors import BadRequest
from shared.fields import REPOSITORY
from shared.gateway.call import Call, bounded
from shared.gateway.message import GatewayRequest

TAGS_HEADER, WORK_HEADER = "x-gateway-tags", "x-gateway-pr"
METADATA_PREFIX = "gateway_"
"""Begins the keys of a request's `metadata` that are tags: for callers who can set no header."""

MOST, LONGEST_VALUE = 10, 64
PULL_REQUEST, BRANCH = "pr", "branch"

_KEY = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
_VALUE = re.compile(rf"[!-+\--~](?:[ -+\--~]{{0,{LONGEST_VALUE - 2}}}[!-+\--~])?")
_WORK = re.compile(
    rf"(?:https://[A-Za-z0-9.-]{{1,100}}/)?(?P<repository>{REPOSITORY})(?:(?:#|/pull/)(?P<number>[1-9][0-9]{{0,9}})|@(?P<branch>[!-+\--~]{{1,200}}))"
)
_NONE: Mapping[str, str] = {}


class TagsInvalid(BadRequest):
    """400: a tag that was dropped without a word would be money that nobody can find again."""

    code = "invalid_tags"


def tags_of(call: Call, request: GatewayRequest) -> Mapping[str, str]:
    """Return the tags of a call by key. Headers win over metadata. Raises TagsInvalid, which names the tag."""
    headers = request.headers
    metadata = (call.content.json or {}).get("metadata")
    if TAGS_HEADER not in headers and WORK_HEADER not in headers and not metadata:
        return _NONE
    tags = dict(_from_metadata(metadata))
    named: dict[str, str] = {}
    for key, value in _from_headers(request):
        if named.setdefault(key, value) != value:
            raise TagsInvalid(f"The tag '{key}' is given twice, with different values.", param=TAGS_HEADER)
    tags |= named
    if len(tags) > MOST:
        raise TagsInvalid(f"A call may have {MOST} tags at most.", param=TAGS_HEADER)
    return tags


def work_tag(value: str) -> tuple[str, str]:
    """Return the tag for `owner/repository#12`, `owner/repository@branch` or the address of a pull request.

    Names of repositories are compared without regard to case, as the forge does. Raises TagsInvalid.
    """
    found = _WORK.fullmatch(value.strip())
    if found is None:
        raise TagsInvalid(
            f"'{bounded(value)[:60]}' is neither owner/repository#number nor owner/repository@branch.",
            param=WORK_HEADER,
        )
    repository = found["repository"].lower()
    return (
        (PULL_REQUEST, f"{repository}#{found['number']}")
        if found["number"]
        else (BRANCH, f"{repository}@{found['branch']}")
    )


def _from_headers(request: GatewayRequest) -> Iterator[tuple[str, str]]:
    for name, value in request.header_list:
        if name == TAGS_HEADER:
            for part in value.split(","):
                if part.strip():
                    yield _tag(*part.partition("="), param=TAGS_HEADER)
        elif name == WORK_HEADER and value.strip():
            yield work_tag(value)


def _from_metadata(metadata: object) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items() if isinstance(metadata, dict) else ():
        if isinstance(key, str) and key.startswith(METADATA_PREFIX):
            yield _tag(
                key.removeprefix(METADATA_PREFIX), "=", value if isinstance(value, str) else "", param="metadata"
            )


def _tag(key: str, equals: str, value: str, *, param: str) -> tuple[str, str]:
    key, value = key.strip(), value.strip()
    if key in (PULL_REQUEST, BRANCH):
        return work_tag(value)
    if not equals or not _KEY.fullmatch(key):
        raise TagsInvalid(
            f"'{bounded(key)[:40]}' is no tag: write key=value, the key in lower case with letters, digits, '.', '_' and '-', 32 at most.",
            param=param,
        )
    if not _VALUE.fullmatch(value):
        raise TagsInvalid(
            f"The value of the tag '{key}' must be 1 to {LONGEST_VALUE} printable ASCII characters without a comma.",
            param=param,
        )
    return key, value
