"""What the process is told by its environment: the only module that reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsInvalid(Exception):
    """The start is refused; `problems` names every setting that is missing or wrong, not just the first."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Tollgate cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True, slots=True)
class Settings:
    """The process's settings, checked.

    `client_id` picks a user-assigned identity; without one the system-assigned identity is used. `pepper_ref` is a secret_ref;
    without one a random pepper is kept in the data directory, which only makes sense on one machine. `environment` is kept for
    `env:NAME` references in the configuration.
    """

    config_path: Path
    data_dir: Path
    in_azure: bool
    pepper_ref: str | None
    service_bus_namespace: str | None
    cosmos_endpoint: str | None
    cosmos_database: str
    client_id: str | None
    access_log: bool
    environment: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read and check the environment. Raises SettingsInvalid with the list of all problems."""
        env = dict(os.environ if environment is None else environment)
        in_azure = "WEBSITE_INSTANCE_ID" in env
        problems = []
        config_path = Path(env.get("TOLLGATE_CONFIG") or "gateway.yaml")
        if not env.get("TOLLGATE_CONFIG"):
            problems.append("TOLLGATE_CONFIG is missing: the path of the gateway's YAML file")
        elif not config_path.is_file():
            problems.append(f"TOLLGATE_CONFIG names {config_path}, which is not a file")
        if in_azure and not env.get("TOLLGATE_PEPPER_REF"):
            problems.append("TOLLGATE_PEPPER_REF is missing: a secret_ref (kv://vault/name) of the key-hashing pepper")
        namespace = env.get("ServiceBusConnection__fullyQualifiedNamespace")
        if in_azure and not namespace:
            problems.append(
                "ServiceBusConnection__fullyQualifiedNamespace is missing: the Service Bus that takes usage events"
            )
        cosmos_endpoint = env.get("TOLLGATE_COSMOS_ENDPOINT")
        if in_azure and not cosmos_endpoint:
            problems.append("TOLLGATE_COSMOS_ENDPOINT is missing: the Cosmos DB account that keeps the gateway's state")
        if problems:
            raise SettingsInvalid(problems)
        return cls(
            config_path=config_path,
            data_dir=Path(
                env.get("TOLLGATE_DATA") or (env.get("HOME", "/tmp") + "/tollgate" if in_azure else ".local")
            ),
            in_azure=in_azure,
            pepper_ref=env.get("TOLLGATE_PEPPER_REF") or None,
            service_bus_namespace=namespace or None,
            cosmos_endpoint=cosmos_endpoint or None,
            cosmos_database=env.get("TOLLGATE_COSMOS_DATABASE") or "tollgate",
            client_id=env.get("AZURE_CLIENT_ID") or None,
            access_log=env.get("TOLLGATE_ACCESS_LOG", "") == "1",
            environment=env,
        )


def offer_vocabularies(directory: Path) -> None:
    """Point tiktoken, which only listens to the environment, at its vocabularies.

    Raises FileNotFoundError where there are none: tiktoken would try to download them.
    """
    if not any(directory.glob("*")):
        raise FileNotFoundError(f"no tokeniser vocabularies in {directory}")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(directory)
