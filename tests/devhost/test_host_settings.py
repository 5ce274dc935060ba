from pathlib import Path

import pytest

from devhost.host_settings import HostSettings, resolve
from devhost.worker import AppInvalid


def test_the_apps_own_settings_count(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(
        '{"extensions": {"http": {"routePrefix": "/x/"}, "serviceBus": {"maxMessageBatchSize": 7, "maxConcurrentCalls": 2}}}'
    )

    settings = HostSettings.of(tmp_path, max_deliveries=3)

    assert settings == HostSettings(route_prefix="x", batch_size=7, concurrent_calls=2, max_deliveries=3)


def test_without_settings_the_hosts_defaults_count(tmp_path: Path) -> None:
    assert HostSettings.of(tmp_path, 10) == HostSettings("api", 100, 16, 60.0, 10)


def test_a_host_json_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text("{")

    with pytest.raises(AppInvalid, match="is not JSON"):
        HostSettings.of(tmp_path, 10)


@pytest.mark.parametrize(
    ("text", "expected"), [("plain", "plain"), ("%A%", "1"), ("x-%A%-%B%", "x-1-2"), ("%A%%B%", "12"), ("", "")]
)
def test_names_between_percent_signs_are_app_settings(text: str, expected: str) -> None:
    assert resolve(text, {"A": "1", "B": "2"}) == expected


@pytest.mark.parametrize("text", ["%C%", "50%"])
def test_a_name_that_is_not_set_is_refused(text: str) -> None:
    with pytest.raises(AppInvalid):
        resolve(text, {"A": "1"})
