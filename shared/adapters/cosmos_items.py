"""How a document is kept as a Cosmos DB item, and how the port's operations are told to the SDK."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from shared.documents import Create, Delete, Document, Json, Operation, Replace, Upsert

_PLAIN = "-._:@=+,;|"
_LONGEST = 255

type BatchOperation = tuple[str, tuple[Any, ...], dict[str, Any]]


def item_of(partition: str, document: Json, ttl_s: int | None) -> dict[str, Any]:
    """The document stays whole under `body`, its id included, so no field of it can meet one of Cosmos DB's."""
    id = document.get("id")
    if not isinstance(id, str) or not id:
        raise ValueError("a document needs a string `id`")
    body = orjson.loads(orjson.dumps(document, default=dict))
    item = {"id": key_of(id), "pk": key_of(partition), "body": body}
    return item if ttl_s is None else {**item, "ttl": ttl_s}


def document_of(item: Mapping[str, Any]) -> Document:
    return Document(item["body"], item["_etag"])


def key_of(name: str) -> str:
    """Write an id or a partition in characters that Cosmos DB and URLs allow; the document's own id stays in its body.

    `~` begins an escape as `%` does in a URL. Names that are too long become their hash after `~~`.
    """
    key = quote(name, safe=_PLAIN).replace("~", "~7E").replace("%", "~")
    if not key.strip("."):
        key = key.replace(".", "~2E")
    return key if len(key) <= _LONGEST else "~~" + hashlib.sha256(name.encode()).hexdigest()


def operation_of(partition: str, operation: Operation) -> BatchOperation:
    match operation:
        case Create(document, ttl_s):
            return "create", (item_of(partition, document, ttl_s),), {}
        case Upsert(document, ttl_s):
            return "upsert", (item_of(partition, document, ttl_s),), {}
        case Replace(document, if_match, ttl_s):
            item = item_of(partition, document, ttl_s)
            return "replace", (item["id"], item), {"if_match_etag": if_match}
        case Delete(id, if_match):
            return "delete", (key_of(id),), {} if if_match is None else {"if_match_etag": if_match}
