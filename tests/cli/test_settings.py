"""Where the address and the key come from, and which are refused."""

from pathlib import Path

import pytest

from cli.errors import Misused
from cli.settings import Settings

KEY = {"TOLLGATE_KEY": "sk-secret"}


def test_without_an_address_the_gateway_is_on_this_machine() -> None:
    settings = Settings.gather(environment=KEY)

    assert (settings.url, settings.key) == ("http://127.0.0.1:7071", "sk-secret")
    assert settings.is_local


def test_an_argument_wins_over_the_environment() -> None:
    settings = Settings.gather(url="https://a.example/", environment={**KEY, "TOLLGATE_URL": "https://b.example"})

    assert settings.url == "https://a.example"
    assert not settings.is_local


def test_a_key_file_wins_over_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-other\n")

    assert Settings.gather(key_file=str(path), environment=KEY).key == "sk-other"


def test_a_scope_of_entra_id_takes_the_place_of_a_key() -> None:
    settings = Settings.gather(entra_scope="api://gateway/.default", environment=KEY)

    assert (settings.key, settings.entra_scope) == (None, "api://gateway/.default")


def test_settings_do_not_show_the_key() -> None:
    assert "sk-secret" not in repr(Settings.gather(environment=KEY))


@pytest.mark.parametrize("url", ["http://[::1]:7071", "http://localhost", "http://127.8.9.1:80/behind/a/path"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert Settings.gather(url=url, environment=KEY).url == url


def test_plain_http_to_other_machines_has_to_be_wanted() -> None:
    with pytest.raises(Misused, match="--url: would send the key unencrypted"):
        Settings.gather(url="http://gateway.example.com", environment=KEY)

    assert Settings.gather(url="http://gateway.example.com", allows_http=True, environment=KEY).url


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example.com",
        "ftp://a.example",
        "https://",
        "https://[bad",
        "https://a.example:99999",
        "https://ada:sesame@a.example",
        "https://a.example?sesame=1",
        "https://a.example#sesame",
        "https://a.example/sesame x",
        "https://sesäme.example",
        "https://a.example/\nsesame",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(Misused) as refused:
        Settings.gather(environment={**KEY, "TOLLGATE_URL": url})

    assert str(refused.value).startswith("TOLLGATE_URL: must")
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize("key", [" ", "sk-secret and more", "sk-secret\nx: y", "sk-secrét"])
def test_what_is_no_key_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(Misused) as refused:
        Settings.gather(environment={"TOLLGATE_KEY": key})

    assert str(refused.value) == "TOLLGATE_KEY: does not hold a key"


def test_without_a_key_the_ways_to_give_one_are_named() -> None:
    with pytest.raises(Misused, match=r"TOLLGATE_KEY: is not set.*--key-file.*--entra-scope"):
        Settings.gather(environment={})


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a b"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)

    with pytest.raises(Misused, match="--key-file: does not hold a key"):
        Settings.gather(key_file=str(path), environment=KEY)


def test_a_missing_key_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="--key-file: cannot be read: No such file"):
        Settings.gather(key_file=str(tmp_path / "none"), environment=KEY)
