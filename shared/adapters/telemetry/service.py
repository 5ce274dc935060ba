"""Who sends telemetry: what is said of this process with each span and figure."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

NAME = "tollgate"


@dataclass(frozen=True, slots=True)
class Service:
    """`instance` differs for each process, as those on one machine count apart from each other."""

    version: str
    environment: str
    instance: str

    @classmethod
    def of(cls, version: str, environment: Mapping[str, str]) -> "Service":
        machine = environment.get("WEBSITE_INSTANCE_ID") or environment.get("WEBSITE_POD_NAME") or socket.gethostname()
        stage = environment.get("TOLLGATE_ENVIRONMENT") or "local"
        return cls(version=version, environment=stage, instance=f"{machine[:16]}-{os.getpid()}")

    def attributes(self) -> dict[str, str]:
        """Names of OpenTelemetry's semantic conventions for resources."""
        return {
            "service.name": NAME,
            "service.version": self.version,
            "service.instance.id": self.instance,
            "deployment.environment.name": self.environment,
        }
