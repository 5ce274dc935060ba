import pytest

from shared.callers.service import Callers
from shared.directory.declared import FileDirectory
from shared.directory.documents import digest_id
from shared.directory.model import Key
from shared.directory.service import FRESH_S, Directory
from shared.documents import Document
from shared.errors import GatewayError
from shared.keys.model import digest_of, is_mistyped
from shared.keys.service import KeyService
from tests.shared.management.office import ADMIN_A, PEPPER, ROOT, Office

OWNER = "teams/a/applications/app-a"


async def works(office: Office, secret: str) -> bool:
    """Whether the store leads from the secret to a key that it works for."""
    digest = digest_of(secret, PEPPER)
    document: Document | None = await office.documents.get("directory", "organization", digest_id(digest))
    if document is None or document.body.get("deleted"):
        return False
    stored = await office.store.get(f"keys/{document.body['key']}")
    assert stored is not None
    assert isinstance(stored.resource, Key)
    return any(item.digest == digest and item.works(office.clock.now()) for item in stored.digests)


async def test_a_secret_is_shown_once_and_its_beginning_stays(furnished: Office) -> None:
    made = await furnished.made("keys", {"owner": OWNER}, by=ADMIN_A)

    secret = made.json["secret"]
    assert not is_mistyped(secret)
    assert made.json["id"].startswith("vk_")
    assert made.json["hint"] == secret[:7]
    assert await works(furnished, secret)
    read = await furnished.call("GET", f"keys/{made.json['id']}")
    assert "secret" not in read.json
    assert secret[:8].encode() not in read.raw


async def test_after_a_rotation_both_secrets_work_until_the_grace_is_over(furnished: Office) -> None:
    made = await furnished.made("keys", {"owner": OWNER})

    rotated = await furnished.call("POST", f"keys/{made.json['id']}/rotate", {"grace_s": 60})
    assert rotated.status == 200
    assert rotated.etag != made.etag
    assert rotated.json["hint"] == rotated.json["secret"][:7]
    assert await works(furnished, made.json["secret"])
    assert await works(furnished, rotated.json["secret"])

    furnished.clock.advance(60)
    assert not await works(furnished, made.json["secret"])
    assert await works(furnished, rotated.json["secret"])


async def test_a_rotation_without_grace_ends_the_old_secret_at_once(furnished: Office) -> None:
    made = await furnished.made("keys", {"owner": OWNER})

    await furnished.call("POST", f"keys/{made.json['id']}/rotate", {"grace_s": 0})

    assert not await works(furnished, made.json["secret"])


async def test_a_rotation_needs_no_body(furnished: Office) -> None:
    made = await furnished.made("keys", {"owner": OWNER})

    assert (await furnished.call("POST", f"keys/{made.json['id']}/rotate")).status == 200
    assert await works(furnished, made.json["secret"])


@pytest.mark.parametrize("grace", [-1, 30 * 86_400 + 1, "soon"])
async def test_a_grace_has_its_bounds(furnished: Office, grace: object) -> None:
    answer = await furnished.call("POST", "keys/vk_key-a/rotate", {"grace_s": grace})

    assert (answer.status, answer.fields) == (422, ["grace_s"])


async def test_a_rotation_of_a_version_that_is_gone_is_refused(furnished: Office) -> None:
    answer = await furnished.call("POST", "keys/vk_key-a/rotate", {}, match='"gone"')

    assert answer.status == 412


async def test_a_key_is_switched_off_and_on(furnished: Office) -> None:
    off = await furnished.call("POST", "keys/vk_key-a/disable", by=ADMIN_A)
    assert (off.status, off.json["disabled"]) == (200, True)
    on = await furnished.call("POST", "keys/vk_key-a/enable", by=ADMIN_A)
    assert (on.status, on.json["disabled"]) == (200, False)

    actions = [entry["action"] for entry in (await furnished.items("audit?target=keys/vk_key-a"))]
    assert actions == ["key.enable", "key.disable", "key.create"]


async def test_a_changed_key_keeps_its_secret(furnished: Office) -> None:
    made = await furnished.made("keys", {"owner": OWNER})

    await furnished.call("PUT", f"keys/{made.json['id']}", {"owner": OWNER, "models": ["gpt-*"]}, match=made.etag)

    assert await works(furnished, made.json["secret"])


async def test_a_deleted_key_is_gone_with_its_secret(furnished: Office) -> None:
    made = await furnished.made("keys", {"owner": OWNER})

    await furnished.call("DELETE", f"keys/{made.json['id']}", match=made.etag)

    assert not await works(furnished, made.json["secret"])


@pytest.mark.parametrize("role", ["platform_admin", "auditor"])
async def test_a_team_admin_gives_no_role_above_his_own(furnished: Office, role: str) -> None:
    made = await furnished.call("POST", "keys", {"owner": OWNER, "role": role}, by=ADMIN_A)
    assert (made.status, made.fields) == (403, ["role"])

    changed = await furnished.call("PATCH", "keys/vk_key-a", {"role": role}, match="*", by=ADMIN_A)
    assert (changed.status, changed.fields) == (403, ["role"])


@pytest.mark.parametrize(
    ("method", "action"),
    [("POST", "/rotate"), ("POST", "/disable"), ("POST", "/enable"), ("DELETE", ""), ("PATCH", "")],
)
async def test_a_team_admin_does_not_get_hold_of_a_mightier_key(furnished: Office, method: str, action: str) -> None:
    await furnished.made("keys", {"id": "vk_mighty", "owner": "teams/a", "role": "platform_admin"})

    body = {"role": "developer"} if method == "PATCH" else None
    answer = await furnished.call(method, f"keys/vk_mighty{action}", body, match="*", by=ADMIN_A)

    assert answer.status == 403
    assert b"secret" not in answer.raw


async def test_only_a_platform_admin_chooses_ids(furnished: Office) -> None:
    assert (await furnished.call("POST", "keys", {"id": "vk_mine", "owner": OWNER}, by=ADMIN_A)).fields == ["id"]
    assert (await furnished.call("POST", "keys", {"id": "vk_mine", "owner": OWNER}, by=ROOT)).status == 201


async def test_a_minted_key_opens_the_gateway_until_it_is_switched_off(furnished: Office) -> None:
    directory = Directory(furnished.documents, FileDirectory(), furnished.clock)
    callers = Callers(directory, KeyService(directory, PEPPER), None, furnished.clock)
    made = await furnished.made("keys", {"owner": OWNER, "role": "team_admin"})
    headers = {"authorization": f"Bearer {made.json['secret']}"}

    caller = await callers.identify(headers, "10.0.0.1")
    assert (caller.id, caller.team, caller.role) == (made.json["id"], "a", "team_admin")

    await furnished.call("POST", f"keys/{caller.id}/disable")
    furnished.clock.advance(FRESH_S)
    with pytest.raises(GatewayError, match="disabled"):
        await callers.identify(headers, "10.0.0.1")
