import pytest

from devhost.environment import PROJECT, Environment, EnvironmentInvalid
from shared.keys.model import is_mistyped


def test_what_is_missing_is_set_for_the_function_app() -> None:
    variables: dict[str, str] = {}

    environment = Environment.prepare(variables)

    assert (environment.port, environment.grace_s, environment.max_deliveries) == (7071, 10.0, 10)
    assert variables["TOLLGATE_CONFIG"] == str(PROJECT / "devhost" / "gateway.yaml")
    assert variables["TOLLGATE_DATA"] == str(PROJECT / ".local")
    assert variables["TOLLGATE_ACCESS_LOG"] == "1"
    assert variables["TOLLGATE_DEMO_KEY"] == environment.demo_key


def test_what_is_given_stays() -> None:
    given = {
        "PORT": "0",
        "TOLLGATE_DATA": "d",
        "TOLLGATE_CONFIG": "c",
        "TOLLGATE_DEMO_KEY": "k",
        "TOLLGATE_ACCESS_LOG": "0",
    }

    environment = Environment.prepare(dict(given))

    assert {name: environment.variables[name] for name in given} == given
    assert (environment.port, environment.demo_key) == (0, "k")


def test_every_start_has_a_demo_key_of_its_own() -> None:
    keys = {Environment.prepare({}).demo_key for _ in range(20)}

    assert len(keys) == 20
    assert not any(is_mistyped(key) for key in keys)


def test_the_simulator_is_the_upstream_and_the_identity() -> None:
    environment = Environment.prepare({"AZURE_OPENAI_ENDPOINT": ""})
    assert not environment.has_upstream

    environment.use_simulator("http://127.0.0.1:1", "http://127.0.0.1:1/msi/token", "header")

    assert environment.has_upstream
    assert environment.variables["IDENTITY_ENDPOINT"] == "http://127.0.0.1:1/msi/token"
    assert environment.variables["IDENTITY_HEADER"] == "header"


@pytest.mark.parametrize("port", ["http", "-1", "65536", "nan"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(EnvironmentInvalid, match="PORT must be"):
        Environment.prepare({"PORT": port})
