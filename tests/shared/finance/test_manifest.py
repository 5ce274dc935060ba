from collections.abc import Callable
from hashlib import sha256

import orjson
import pytest

from shared.finance.manifest import Input, Manifest, Output, verify
from shared.finance.signing import ReportSigner, SigningKeyInvalid, key_id
from shared.redaction import Secret

SIGNER = ReportSigner(Secret("a secret that is quite long enough"))
OTHER = ReportSigner(Secret("another secret that is long enough"))
FILES = {"statement.csv": b"a,b\r\n", "report.html": b"<html>"}
MANIFEST = Manifest(
    "run_1",
    "2026-12-01T03:00:00Z",
    {"name": "bill", "kind": "chargeback"},
    {"label": "2026-11"},
    {"cost": "1.5", "currency": "USD"},
    (Input("search", "2026-11", 3, 7, "d"),),
    "prices-1",
    "1.2.3",
    tuple(Output(name, len(content), sha256(content).hexdigest()) for name, content in FILES.items()),
)


def hash_of(files: dict[str, bytes]) -> Callable[[str], str | None]:
    return lambda name: sha256(files[name]).hexdigest() if name in files else None


def test_a_signed_manifest_is_sound_and_names_its_key() -> None:
    verdict = verify(MANIFEST.signed(SIGNER), hash_of(FILES), key_id(SIGNER.public_key))

    assert (verdict.is_sound, verdict.run, verdict.key_id) == (True, "run_1", key_id(SIGNER.public_key))


def test_the_same_manifest_is_always_the_same_bytes() -> None:
    again = ReportSigner(Secret("a secret that is quite long enough"))

    assert MANIFEST.signed(SIGNER) == MANIFEST.signed(again)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_or_missing_file_is_named(name: str) -> None:
    signed = MANIFEST.signed(SIGNER)
    changed = verify(signed, hash_of({**FILES, name: b"tampered"}))
    missing = verify(signed, hash_of({other: content for other, content in FILES.items() if other != name}))

    assert changed.problems == (f"{name} is not the file that was signed",)
    assert missing.problems == (f"{name} is missing",)


def test_a_changed_manifest_is_found_out() -> None:
    document = orjson.loads(MANIFEST.signed(SIGNER))
    document["manifest"]["totals"]["cost"] = "1.4"

    verdict = verify(orjson.dumps(document), hash_of(FILES))

    assert verdict.problems == ("the signature does not belong to this manifest",)


def test_whoever_knows_our_key_is_not_taken_in_by_another() -> None:
    forged = MANIFEST.signed(OTHER)

    assert verify(forged, hash_of(FILES)).is_sound
    verdict = verify(forged, hash_of(FILES), key_id(SIGNER.public_key))
    assert verdict.problems == (f"it was signed with the key {verdict.key_id}, not with {key_id(SIGNER.public_key)}",)


def test_a_key_that_only_calls_itself_ours_is_found_out() -> None:
    document = orjson.loads(MANIFEST.signed(OTHER))
    document["signature"]["key_id"] = key_id(SIGNER.public_key)

    assert "the key is not the one that the manifest names" in verify(orjson.dumps(document), hash_of(FILES)).problems


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"manifest": 1, "signature": {"public_key": "", "value": ""}}',
        b'{"manifest":{},"signature":{"public_key":"\xc3\xa9","value":1}}',
        b"\xff",
    ],
)
def test_what_is_no_manifest_is_told_as_that(content: bytes) -> None:
    assert not verify(content, hash_of(FILES)).is_sound


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/b", "..\\x", ".ssh", "", None, 3])
def test_a_manifest_cannot_make_us_look_elsewhere(path: object) -> None:
    asked: list[str] = []
    content = {"outputs": [{"path": path, "sha256": "0"}]}
    document = {"manifest": content, "signature": {"public_key": "AAAA", "value": "AAAA"}}

    verdict = verify(orjson.dumps(document), lambda name: asked.append(name))

    assert "the manifest names a file that cannot be beside it" in verdict.problems
    assert asked == []


def test_a_short_secret_signs_nothing() -> None:
    with pytest.raises(SigningKeyInvalid):
        ReportSigner(Secret("too short"))
