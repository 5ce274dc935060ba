"""Prepares the process's environment for the function app: the only module of the host that writes it."""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.keys.model import mint

PROJECT = Path(__file__).resolve().parent.parent


class EnvironmentInvalid(Exception):
    """A variable of the host's own has a value that means nothing."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the host itself takes from the environment. Nothing here is secret but the two keys."""

    port: int
    config_path: Path
    data_dir: Path
    demo_key: str
    operator_key: str
    grace_s: float
    max_deliveries: int
    is_strict: bool
    variables: MutableMapping[str, str]

    @classmethod
    def prepare(cls, variables: MutableMapping[str, str] | None = None) -> Self:
        """Set what is missing and return it. Raises EnvironmentInvalid."""
        env = os.environ if variables is None else variables
        _default(env, "TOLLGATE_CONFIG", str(PROJECT / "devhost" / "gateway.yaml"))
        _default(env, "TOLLGATE_DATA", str(PROJECT / ".local"))
        _default(env, "TOLLGATE_DEMO_KEY", mint())
        _default(env, "TOLLGATE_OPERATOR_KEY", mint())
        _default(env, "TOLLGATE_ACCESS_LOG", "1")
        return cls(
            port=int(_number(env, "PORT", "7071")),
            config_path=Path(env["TOLLGATE_CONFIG"]),
            data_dir=Path(env["TOLLGATE_DATA"]),
            demo_key=env["TOLLGATE_DEMO_KEY"],
            operator_key=env["TOLLGATE_OPERATOR_KEY"],
            grace_s=_number(env, "DEVHOST_GRACE_SECONDS", "10"),
            max_deliveries=int(_number(env, "DEVHOST_MAX_DELIVERIES", "10")),
            is_strict=env.get("DEVHOST_STRICT", "") == "1",
            variables=env,
        )

    @property
    def has_upstream(self) -> bool:
        return bool(self.variables.get("AZURE_OPENAI_ENDPOINT"))

    def use_simulator(self, endpoint: str, identity_endpoint: str, identity_header: str) -> None:
        """Make the simulator the upstream and the source of managed-identity tokens."""
        self.variables["AZURE_OPENAI_ENDPOINT"] = endpoint
        self.variables["IDENTITY_ENDPOINT"] = identity_endpoint
        self.variables["IDENTITY_HEADER"] = identity_header


def _default(env: MutableMapping[str, str], name: str, value: str) -> None:
    if not env.get(name):
        env[name] = value


def _number(env: MutableMapping[str, str], name: str, default: str) -> float:
    text = env.get(name) or default
    try:
        number = float(text)
    except ValueError:
        raise EnvironmentInvalid(f"{name} must be a number, not '{text}'.") from None
    if not 0 <= number <= 65535:
        raise EnvironmentInvalid(f"{name} must be between 0 and 65535, not {text}.")
    return number
