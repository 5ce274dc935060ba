import pytest

from tests.shared.management.office import ADMIN_A, AUDITOR, Office

VALUE = "a very secret value"


async def test_a_secret_is_set_named_and_deleted_but_never_read(office: Office) -> None:
    put = await office.call("PUT", "secrets/openai", {"value": VALUE})
    listed = await office.call("GET", "secrets")
    read = await office.call("GET", "secrets/openai")

    assert (put.status, listed.json, read.status) == (204, {"data": ["openai"]}, 405)
    revealed = await office.vault.reveal("openai")
    assert revealed is not None
    assert revealed.reveal() == VALUE
    assert all(VALUE.encode() not in answer.raw for answer in (put, listed, read))

    assert (await office.call("DELETE", "secrets/openai")).status == 204
    assert (await office.call("DELETE", "secrets/openai")).status == 404
    assert await office.vault.reveal("openai") is None


@pytest.mark.parametrize(("body", "field"), [({"value": ""}, "value"), ({}, "value"), ({"value": VALUE, "x": 1}, "x")])
async def test_a_value_that_is_wrong_is_not_repeated(office: Office, body: object, field: str) -> None:
    answer = await office.call("PUT", "secrets/openai", body)

    assert (answer.status, answer.fields) == (422, [field])
    assert VALUE.encode() not in answer.raw


@pytest.mark.parametrize("by", [AUDITOR, ADMIN_A])
async def test_nobody_but_platform_admins_has_to_do_with_secrets(office: Office, by: str) -> None:
    for method, path, body in (
        ("GET", "secrets", None),
        ("PUT", "secrets/x", {"value": "y"}),
        ("DELETE", "secrets/x", None),
    ):
        assert (await office.call(method, path, body, by=by)).status == 403


async def test_who_set_and_deleted_a_secret_is_in_the_audit_log(office: Office) -> None:
    await office.call("PUT", "secrets/openai", {"value": VALUE})
    await office.call("DELETE", "secrets/openai")

    log = await office.call("GET", "audit?target=secrets/openai")

    assert [(entry["action"], entry["actor"]["id"]) for entry in log.json["data"]] == [
        ("secret.delete", "vk_root"),
        ("secret.put", "vk_root"),
    ]
    assert VALUE.encode() not in log.raw
    assert (await office.call("GET", "audit/verify")).json["ok"] is True


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("name", ["a@b", "a+b", "x" * 65])
async def test_a_name_that_no_secret_can_have_is_refused_and_not_noted(office: Office, method: str, name: str) -> None:
    answer = await office.call(method, f"secrets/{name}", {"value": VALUE} if method == "PUT" else None)

    assert (answer.status, answer.fields) == (422, ["name"])
    assert await office.items("audit") == []


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "x" * 64])
async def test_a_name_that_a_reference_can_say_can_be_set(office: Office, name: str) -> None:
    assert (await office.call("PUT", f"secrets/{name}", {"value": VALUE})).status == 204
    assert (await office.call("GET", "secrets")).json == {"data": [name]}
