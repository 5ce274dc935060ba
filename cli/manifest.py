"""Checks a report's folder against its signed manifest, by hand: nothing of the gateway is needed.

The format is told in docs/how-to/verify-a-report.md: the hashes of all files, and Ed25519 over the canonical JSON of `manifest`.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

NAME = "manifest.json"
_MOST_BYTES = 20_000_000
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,127}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` are empty where every file is what was signed. `signature` is unchecked where no cryptography is installed."""

    run: str | None
    key_id: str | None
    files: int
    signature: Literal["valid", "invalid", "unchecked"]
    problems: tuple[str, ...]


def is_plain_name(name: str) -> bool:
    """Whether a name stays in its folder."""
    return _PLAIN.fullmatch(name) is not None


def verify(folder: Path, expected_key: str | None = None) -> Verdict:
    """Raises OSError where the folder cannot be read."""
    with (folder / NAME).open("rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    read = _read(raw)
    if read is None:
        return Verdict(None, None, 0, "unchecked", ("the manifest is not one of a report: it cannot be read",))
    content, key, value = read
    key_id = hashlib.sha256(key).hexdigest()[:16]
    signature = _signature(key, value, _canonical(content))
    problems = ["the signature does not belong to this manifest"] if signature == "invalid" else []
    if expected_key is not None and expected_key != key_id:
        problems.append(f"it was signed with the key {key_id}, not with {expected_key}")
    outputs = content.get("outputs")
    if not isinstance(outputs, list) or not outputs:
        return Verdict(None, key_id, 0, signature, (*problems, "the manifest names no files"))
    problems += [problem for output in outputs for problem in _differences(folder, output)]
    return Verdict(str(content.get("run")), key_id, len(outputs), signature, tuple(problems))


def _read(raw: bytes) -> tuple[dict[str, Any], bytes, bytes] | None:
    if len(raw) > _MOST_BYTES:
        return None
    try:
        document = json.loads(raw)
        content, signed = document["manifest"], document["signature"]
        key, value = (base64.b64decode(signed[name], validate=True) for name in ("public_key", "value"))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None
    return (content, key, value) if isinstance(content, dict) else None


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _signature(key: bytes, value: bytes, content: bytes) -> Literal["valid", "invalid", "unchecked"]:
    try:
        # The client does without this package; who has it gets the signature checked as well.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    except ImportError:
        return "unchecked"
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(value, content)
    except (InvalidSignature, ValueError):
        return "invalid"
    return "valid"


def _differences(folder: Path, output: object) -> Iterator[str]:
    path, stated = (output.get("path"), output.get("sha256")) if isinstance(output, dict) else (None, None)
    if not isinstance(path, str) or not is_plain_name(path):
        yield "the manifest names a file that cannot be beside it"
        return
    try:
        with (folder / path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        yield f"{path} is missing"
        return
    if found != stated:
        yield f"{path} is not the file that was signed"
