"""Each kind of text and number takes what it names and nothing else."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.fields import (
    Alias,
    Cidr,
    Count,
    EndpointGlob,
    KeyId,
    Label,
    Name,
    Positive,
    SecretRef,
    Some,
    Strict,
    TimeZone,
    UserName,
)


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Name, "a"),
        (Name, "Search-2.eu_west"),
        (Name, "a" * 64),
        (UserName, "ada+test@example.com"),
        (Label, "Łódź & Partner, 2. Stock"),
        (Alias, "gpt-5*"),
        (Alias, "gpt-4[ab]?:latest"),
        (EndpointGlob, "chat.*"),
        (KeyId, "vk_01-Ab_"),
        (SecretRef, "env:AZURE_KEY"),
        (SecretRef, "kv://vault-1/name/0123456789abcdef0123456789abcdef"),
        (SecretRef, "db://azure.east"),
        (Cidr, "10.0.0.0/8"),
        (Cidr, "2001:db8::/32"),
        (TimeZone, "Europe/Berlin"),
        (TimeZone, "UTC"),
        (Count, 0),
        (Count, 10**15),
        (Positive, 86_400),
    ],
)
def test_what_it_names_is_taken_as_it_is(kind: Any, value: object) -> None:
    assert read(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Name, ""),
        (Name, "a" * 65),
        (Name, "-a"),
        (Name, "a/b"),
        (Name, "a|b"),
        (Name, "a b"),
        (Name, "a\n"),
        (Name, "é"),
        (Name, "ada@example.com"),
        (UserName, "@ada"),
        (UserName, "ada/x"),
        (UserName, "a" * 129),
        (Label, ""),
        (Label, "a\nb"),
        (Label, "a\x7f"),
        (Label, "\ud800"),
        (Label, "a" * 101),
        (Alias, "gpt 5"),
        (Alias, "a/b"),
        (EndpointGlob, "Chat"),
        (KeyId, "vk_"),
        (KeyId, "sk_1"),
        (KeyId, "vk_a/b"),
        (SecretRef, "sk-plain-secret"),
        (SecretRef, "env:1A"),
        (SecretRef, "kv://v/name"),
        (SecretRef, "db://a/b"),
        (Count, -1),
        (Count, 10**15 + 1),
        (Count, 1.5),
        (Positive, 0),
        (Positive, 86_401),
        (Positive, float("nan")),
    ],
)
def test_anything_else_is_refused(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        read(kind, value)


@pytest.mark.parametrize(
    ("given", "network"),
    [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8::0/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ],
)
def test_a_network_is_kept_in_one_spelling(given: str, network: str) -> None:
    assert read(Cidr, given) == network
    assert read(Cidr, network) == network


@pytest.mark.parametrize(
    "value", ["10.0.0.1/8", "10.0.0.0/33", "10.0.0", "1", "", "localhost", "fe80::1%eth0", "fe80::1%\n", "010.0.0.1"]
)
def test_what_is_no_network_is_told_so(value: str) -> None:
    with pytest.raises(ValidationError, match="must be an address or a network"):
        read(Cidr, value)


@pytest.mark.parametrize(
    "value",
    ["", "Mars/Olympus", "Europe", "../UTC", "/etc/localtime", "a\0b", "zone.tab", "right/Europe/Berlin", "posix/UTC"],
)
def test_what_is_no_time_zone_is_told_so(value: str) -> None:
    with pytest.raises(ValidationError, match="must be an IANA time zone"):
        read(TimeZone, value)


def test_the_machines_own_zone_is_none() -> None:
    with pytest.raises(ValidationError, match="must be an IANA time zone"):
        read(TimeZone, "localtime")


def test_where_some_are_wanted_none_is_refused() -> None:
    assert read(Some[Name], ["a", "b"]) == ("a", "b")
    with pytest.raises(ValidationError, match="must not be empty"):
        read(Some[Name], [])


def test_a_wrong_item_is_the_only_mistake_that_is_told() -> None:
    with pytest.raises(ValidationError) as caught:
        read(Some[Name], ["a", "b/c"])

    assert [error["loc"] for error in caught.value.errors()] == [(1,)]


class Door(Strict):
    name: Name
    locked: bool = True


def test_an_unknown_field_is_refused_by_its_name() -> None:
    with pytest.raises(ValidationError) as caught:
        Door.model_validate({"name": "a", "lokced": False})

    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [(("lokced",), "extra_forbidden")]


def test_what_was_read_does_not_change() -> None:
    door = Door(name="a")

    with pytest.raises(ValidationError, match="frozen"):
        door.name = "b"  # type: ignore[misc]


def test_a_mistake_never_repeats_what_was_given() -> None:
    with pytest.raises(ValidationError) as caught:
        Door.model_validate({"name": "sk-very secret"})

    assert "very secret" not in str(caught.value)
