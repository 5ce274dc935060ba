"""The signed manifest of a report: what it was made of, which files came out, and whether those at hand are still the same."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.finance.ports import Signer
from shared.finance.signing import is_signed, key_id

NAME = "manifest.json"
SCHEMA = 1
_LARGEST = 20_000_000


@dataclass(frozen=True, slots=True)
class Output:
    """A file, by the name that it has beside the manifest."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Input:
    """A partition of the ledger, and how far it had come: `digest` is its chain over everything that was posted."""

    team: str
    month: str
    sequence: int
    events: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that the bytes of a report depend on, and those bytes' hashes. Texts are ISO 8601 where they are times.

    `names` are what the directory called the teams and areas at that time, by address: a later one may be another. `reproduces`
    is there where a report was made again: which run, and what differs.
    """

    run: str
    generated_at: str
    definition: Mapping[str, object]
    period: Mapping[str, object]
    totals: Mapping[str, object]
    inputs: tuple[Input, ...]
    price_book: str
    code: str
    outputs: tuple[Output, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    reproduces: Mapping[str, object] | None = None

    def signed(self, signer: Signer) -> bytes:
        """Return the file: canonical JSON of the manifest and the signature under exactly those bytes."""
        content = canonical({"schema": SCHEMA, **asdict(self)})
        signature = {
            "algorithm": "Ed25519",
            "key_id": key_id(signer.public_key),
            "public_key": _text(signer.public_key),
            "value": _text(signer.sign(content)),
        }
        return canonical({"manifest": orjson.loads(content), "signature": signature})


class ManifestUnreadable(ValueError):
    """What should be a manifest is none, or was not signed; the text says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` is empty where every file is what was signed. Compare `key_id` with the one that you were told."""

    key_id: str | None
    run: str | None
    problems: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not self.problems


def canonical(content: object) -> bytes:
    """Return the one JSON text of some content: sorted names, no spaces, no fractions."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def verify(manifest: bytes, sha256_of: Callable[[str], str | None], expected_key_id: str | None = None) -> Verdict:
    """Check a manifest's signature, and the files that it names. `sha256_of` returns a file's hash, or None where it is missing.

    Without `expected_key_id` anybody can have signed: the verdict then says who did, not that it was us.
    """
    read = _read(manifest)
    if read is None:
        return Verdict(None, None, ("the manifest is not one of ours: it cannot be read",))
    content, signature, key, value = read
    problems = [] if is_signed(canonical(content), value, key) else ["the signature does not belong to this manifest"]
    own = key_id(key)
    if signature.get("key_id") != own:
        problems.append("the key is not the one that the manifest names")
    if expected_key_id is not None and own != expected_key_id:
        problems.append(f"it was signed with the key {own}, not with {expected_key_id}")
    problems += _differences(content.get("outputs"), sha256_of)
    return Verdict(own, str(content.get("run")), tuple(problems))


def read(manifest: bytes) -> tuple[Manifest, str]:
    """Return a manifest whose signature is right, and the id of the key. Members that are not known yet are passed over.

    Raises ManifestUnreadable. Anybody can have signed: compare the key's id, or the hash of the file, with what you were told.
    """
    found = _read(manifest)
    if found is None:
        raise ManifestUnreadable("it cannot be read")
    content, _, key, value = found
    if not is_signed(canonical(content), value, key):
        raise ManifestUnreadable("the signature does not belong to it")
    try:
        return TypeAdapter(Manifest).validate_python(content), key_id(key)
    except ValidationError:
        raise ManifestUnreadable("it has another form than this version of the gateway reads") from None


def _read(manifest: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes] | None:
    if len(manifest) > _LARGEST:
        return None
    try:
        document = orjson.loads(manifest)
        content, signature = document["manifest"], document["signature"]
        key, value = (base64.b64decode(signature[name], validate=True) for name in ("public_key", "value"))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, binascii.Error):
        return None
    return (content, signature, key, value) if isinstance(content, dict) else None


def _differences(outputs: object, sha256_of: Callable[[str], str | None]) -> Sequence[str]:
    if not isinstance(outputs, list):
        return ["the manifest names no files"]
    problems = []
    for output in outputs:
        path, stated = (output.get("path"), output.get("sha256")) if isinstance(output, dict) else (None, None)
        if not isinstance(path, str) or not path or "/" in path or "\\" in path or path.startswith("."):
            problems.append("the manifest names a file that cannot be beside it")
            continue
        found = sha256_of(path)
        if found is None:
            problems.append(f"{path} is missing")
        elif found != stated:
            problems.append(f"{path} is not the file that was signed")
    return problems


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
